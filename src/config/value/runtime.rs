//! What a function is written for: `python3.13`, `nodejs22`, `java21`.
//!
//! Owns which runtimes have a default for their cold start. Refuses the numbers (`prove`). Read by `raw::gateway`.

use super::choice::words;

words! {
    /// A runtime.
    pub(in crate::config) Runtime, "a runtime", "write one such as python3.13, nodejs22, java21, dotnet8, ruby3.4, go or rust" {
        /// Rust, as an executable.
        Rust = "rust",
        /// Go, as an executable.
        Go = "go",
        /// Node.js 20.
        Nodejs20 = "nodejs20",
        /// Node.js 22.
        Nodejs22 = "nodejs22",
        /// Node.js 24.
        Nodejs24 = "nodejs24",
        /// Python 3.9.
        Python39 = "python3.9",
        /// Python 3.10.
        Python310 = "python3.10",
        /// Python 3.11.
        Python311 = "python3.11",
        /// Python 3.12.
        Python312 = "python3.12",
        /// Python 3.13.
        Python313 = "python3.13",
        /// Python 3.14.
        Python314 = "python3.14",
        /// Java 11.
        Java11 = "java11",
        /// Java 17.
        Java17 = "java17",
        /// Java 21.
        Java21 = "java21",
        /// Java 25.
        Java25 = "java25",
        /// Java 21, compiled ahead of time.
        Graalvm21 = "graalvm21",
        /// .NET 8.
        Dotnet8 = "dotnet8",
        /// .NET 10.
        Dotnet10 = "dotnet10",
        /// .NET 8, compiled ahead of time.
        Dotnet8Aot = "dotnet8-aot",
        /// Ruby 3.2.
        Ruby32 = "ruby3.2",
        /// Ruby 3.3.
        Ruby33 = "ruby3.3",
        /// Ruby 3.4.
        Ruby34 = "ruby3.4",
    }
}
