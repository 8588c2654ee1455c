//! Outside formats become a trace: logs of web servers and gateways, line by line, in bounded memory.
pub mod error;
pub mod fields;
pub mod format;
mod lines;
pub mod options;
pub mod parsed;
mod request_line;
pub mod stamp;
pub mod templating;
pub use error::ImportError;
pub use format::Format;
pub use options::Options;
