# The steps of daily work; `.ci/run` is all of the checks at once, and needs cargo alone.

# What there is
default:
    @just --list

# Everything that must pass before a change is taken
check:
    .ci/run

# The tests, without those that need ../shared
test *args:
    cargo test --workspace {{args}}

# How many of the recorded answers of the real gateway the mock gives, by family (needs ../shared)
conformance:
    SLUICEGATE_SHARED=1 cargo test --test conformance -- --nocapture

# The numeric references of the simulator's parts at their full length: expected, found, tolerance (needs ../shared)
references:
    SLUICEGATE_REFERENCES=full cargo test --release --test suite references -- --include-ignored --nocapture

# How often each verdict is given when the truth is known: the method's acceptance table, written to the documentation; and the estimators' numbers
calibrate:
    SLUICEGATE_CALIBRATION=full cargo test --release --test suite calibration -- --nocapture
    SLUICEGATE_CALIBRATION=full cargo test --release --lib fit::acceptance

# The same from end to end: 70 runs against the mock, half an hour
calibrate-driven:
    cargo bench --bench peers -- verdicts

# Measure, side by side with other generators where they are installed: everything, or the parts that are named
bench *args:
    cargo bench --bench peers -- {{args}}

# Measure WebSocket: memory and opening of 18,000 connections, what a message costs, and a soak of ten minutes
bench-ws:
    cargo bench --bench peers -- websocket soak

# Count instructions of the hot paths and fail on more than 10 % more than before; --renew takes them for the new baseline
bench-check *args:
    cargo bench --bench instructions -- {{args}}
