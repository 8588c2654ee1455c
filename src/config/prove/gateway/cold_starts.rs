//! How long a function takes to start, by what it is written for.
//!
//! Owns the default numbers, with their source. Refuses the words (`value::runtime`). Called by `functions`.

use sluicegate_policy::time::Span;

use crate::config::value::{Decimal, Runtime, Shape};

/// From this memory on a function has a whole processor, and one that does one thing at a time is no faster with more (Lambda
/// developer guide, "Configure Lambda function memory", 2026).
const ONE_PROCESSOR_MB: u32 = 1_769;

/// What a runtime costs, in milliseconds.
struct Cost {
    /// Its initialisation with 128 MB; the published means hardly differ by memory.
    init_128: u64,
    /// The same with 1,024 MB.
    init_1024: u64,
    /// What the first invocation takes with 128 MB; the published means halve with twice the memory.
    first_128: u64,
}

/// What the first invocation of an environment takes in addition, by default.
pub(super) fn cold_start(runtime: Option<Runtime>, memory_mb: u32) -> Shape {
    match runtime {
        // Ten starts of one function at one hour differ by 5 to 20 % (the same source as the means); days and zones are not in that.
        Some(runtime) => Shape::lognormal(Span::from_ms(cost(runtime).with(memory_mb)), Decimal(0.2)),
        // Placeholder: published means of hello-world functions lie between 15 ms (Rust) and 300 ms (.NET).
        None => Shape::lognormal(Span::from_ms(200), Decimal(0.4)),
    }
}

impl Cost {
    fn with(&self, memory_mb: u32) -> u64 {
        let within = u64::from(memory_mb.clamp(128, 1_024));
        let init = (self.init_128 * (1_024 - within) + self.init_1024 * (within - 128)) / (1_024 - 128);
        init + self.first_128 * 128 / u64::from(memory_mb.clamp(128, ONE_PROCESSOR_MB))
    }
}

/// Means of functions that do nothing, from a zip on `x86_64`, in round numbers (maxday/lambda-perf, `last.json` of 22 August 2026:
/// `acd` at 128 MB and 1,024 MB, `ad` at 128 MB).
const fn cost(runtime: Runtime) -> Cost {
    const fn row(init_128: u64, init_1024: u64, first_128: u64) -> Cost {
        Cost { init_128, init_1024, first_128 }
    }
    match runtime {
        Runtime::Rust => row(16, 15, 1),
        Runtime::Go => row(50, 50, 2),
        Runtime::Nodejs20 => row(140, 140, 15),
        Runtime::Nodejs22 => row(140, 140, 10),
        Runtime::Nodejs24 => row(135, 135, 10),
        Runtime::Python39 => row(80, 70, 1),
        Runtime::Python310 => row(75, 75, 1),
        Runtime::Python311 => row(80, 75, 1),
        Runtime::Python312 => row(85, 80, 2),
        Runtime::Python313 => row(90, 85, 2),
        Runtime::Python314 => row(100, 100, 2),
        Runtime::Java11 => row(275, 275, 5),
        Runtime::Java17 => row(200, 210, 5),
        Runtime::Java21 => row(240, 235, 90),
        Runtime::Java25 => row(185, 190, 240),
        Runtime::Graalvm21 => row(150, 150, 160),
        Runtime::Dotnet8 => row(250, 240, 700),
        Runtime::Dotnet10 => row(250, 250, 800),
        Runtime::Dotnet8Aot => row(90, 85, 5),
        Runtime::Ruby32 => row(220, 240, 10),
        Runtime::Ruby33 => row(250, 250, 15),
        Runtime::Ruby34 => row(220, 225, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(runtime: Runtime, memory_mb: u32) -> u64 {
        cost(runtime).with(memory_mb)
    }

    #[test]
    fn memory_speeds_the_first_invocation_up_until_there_is_a_whole_processor() {
        assert_eq!([128, 256, 1_024, 1_769, 10_240].map(|mb| ms(Runtime::Dotnet8, mb)), [950, 598, 327, 290, 290]);
        assert_eq!([128, 1_024].map(|mb| ms(Runtime::Rust, mb)), [17, 15]);
    }

    #[test]
    #[ignore = "needs ../shared"]
    fn the_defaults_are_the_published_means_but_for_rounding() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/lambda/cold-starts/last.json");
        let text = std::fs::read_to_string(path).unwrap();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mean = |name: &str, memory_mb: u32| {
            let rows = all["runtimeData"].as_array().unwrap().iter();
            let mut same =
                rows.filter(|row| row["d"] == name && row["p"] == "zip" && row["a"] == "x86_64" && row["m"] == memory_mb);
            let row = same.next().unwrap();
            row["acd"].as_f64().unwrap() + row["ad"].as_f64().unwrap()
        };
        let names = [
            (Runtime::Rust, "rust (prov.al2023)"),
            (Runtime::Go, "go (prov.al2023)"),
            (Runtime::Nodejs20, "nodejs20.x"),
            (Runtime::Nodejs22, "nodejs22.x"),
            (Runtime::Nodejs24, "nodejs24.x"),
            (Runtime::Python39, "python3.9"),
            (Runtime::Python310, "python3.10"),
            (Runtime::Python311, "python3.11"),
            (Runtime::Python312, "python3.12"),
            (Runtime::Python313, "python3.13"),
            (Runtime::Python314, "python3.14"),
            (Runtime::Java11, "java11"),
            (Runtime::Java17, "java17"),
            (Runtime::Java21, "java21"),
            (Runtime::Java25, "java25"),
            (Runtime::Graalvm21, "graalvm java21 (prov.al2023)"),
            (Runtime::Dotnet8, "dotnet8"),
            (Runtime::Dotnet10, "dotnet10"),
            (Runtime::Dotnet8Aot, "dotnet8 aot (prov.al2023)"),
            (Runtime::Ruby32, "ruby3.2"),
            (Runtime::Ruby33, "ruby3.3"),
            (Runtime::Ruby34, "ruby3.4"),
        ];
        for (runtime, name) in names {
            for memory_mb in [128, 1_024] {
                let (own, published) = (ms(runtime, memory_mb) as f64, mean(name, memory_mb));
                // 15 %, as the first invocation of java25 gains more than twice from twice the memory; and 3 ms where that is less.
                let allowed = (0.15 * published).max(3.0);
                assert!((own - published).abs() <= allowed, "{name} with {memory_mb} MB: {own} ms, not {published} ms");
            }
        }
    }
}
