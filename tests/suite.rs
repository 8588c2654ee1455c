//! The one integration binary: what no single room can show.

mod arrows; // every `use crate::` line of the product respects the arrows of the house
mod bookkeeping; // the exact reference cases hold through the whole simulator
mod calibrated; // the generator's own ceiling, measured before a run: recorded, and a doubt where the plan comes near to it
mod calibration; // how often each verdict is given when the truth is known: the method's acceptance table
mod definition; // API definitions and templates become profiles that prove, and the mock serves them as they are
mod derived_profile; // a profile derived from a log proves, and routes every call of that log
mod imported_security; // who may call what, imported: of SAM's own templates it is what SAM makes of them
mod origin; // a live endpoint that is not our mock: plain or TLS, HTTP/1.1 and HTTP/2
mod program; // how the program is run as its users run it

mod aborted; // runs that a condition of their profile ends: stopped in order, exit code 3, and reported whole
mod access; // IAM authorization: what the load side and botocore sign is taken, what others sign is not
mod attribution; // where the time goes: the mock's access log joined by request id, and the part that departed named
mod bad_input; // broken profiles, logs, targets, disks and processes: a clear message and the documented exit code
mod budget; // error budgets: every error by blame and kind, in both worlds; kept, broken, left open
mod checklist; // what to look at before production: checks of documents, gates by simulation, probes of a live endpoint
mod collectors; // metrics that are pushed while a run lasts: to collectors that take them, refuse them, are silent or die
mod compared; // kept runs judged again: by their own model, by another, by an earlier run
mod cost; // what a design costs a month: bills that a pencil confirms, price files with holes, and runs that are too dear
mod designed; // starter profiles: every choice proves, simulates and runs as it is
mod designs; // two designs beside each other by the model alone: the same load, what is no chance, and both bills
mod exports; // files that a run is written to besides: read back by other tools, refused before the run, whole whatever it came to
mod find_rate; // the highest rate that thresholds allow: found where it is known to be, and refused where steps cannot tell
mod first_light; // the main job from end to end: holds, drift, replay, live targets
mod fitted; // models fitted to runs: what a run tells is found, what it cannot tell is not named, and phases that would tell the rest
mod front_door; // keys, quotas, validators, templates, caches and releases: decided alike in the simulator and in the mock
mod history; // runs held against earlier ones, and their history: what broke is named, and marked with the run in which it came
mod kept_answers; // answers of authorizers that are kept: expected of one, or of all together
mod live; // the live view on a real terminal: what it shows, its keys, and the terminal as it was
mod live_target; // the same traffic at a live endpoint: http, https, IPv6, and hosts that nobody allowed
mod overload; // a target that holds its connections: what queue, drop and deadline do, as text and as JSON
mod page; // the page of a run in a real browser: charts with content, tables that sort, a silent console
mod parity; // the simulator and the mock decide alike; a seed gives the same bytes
mod parquet; // samples as Parquet: read back by DuckDB, which finds in them what the record and the CSV say
mod posts; // a back end that posts to connections: what it is answered, and what its receivers get, in both worlds
mod recorded; // replay and import of logs in every format, and of the recorded logs of ../shared
mod recorded_sessions; // sessions of WebSocket clients that a browser recorded: imported, replayed at the mock, simulated
mod references; // stations and limiters: the numeric references, through the cases that users write
mod retries; // a client that tries again: as often in the simulator as at the mock, and apart from the script
mod round_trip; // a log that the mock wrote, imported again, is what was sent
mod secure_run; // runs over TLS from end to end: the mock's certificate is made for the run, and trusted
mod services; // services of the provider: imported, served with signed requests, and decided alike here and there
mod several_apis; // several APIs of one account: all are served, and what the account shares is shared
mod starved; // a generator that is starved of its core calls its run invalid, and not its target slow
mod streamed_run; // runs against functions that stream: the first byte of an answer is recorded before its last
mod telemetry; // metrics of a run while it lasts, as they are scraped: for those who may, and read by Prometheus's own client
mod token_life; // tokens that expire while a WebSocket connection is open: it stays, and a reconnect needs a fresh one
mod tracing; // distributed tracing: what requests say on the wire is what their spans are called at a collector
mod websocket; // sessions of WebSocket clients: played at the mock, simulated, and every connection and push accounted for
