//! What a mapping template may ask of a request.
//!
//! Owns the questions. Refuses to read a request: whoever has one answers them. Called by templates and by the request validator.

/// The parameters of a request.
pub trait Params {
    /// The value of one, decoded where the gateway decodes it; header names are compared with their spelling.
    fn get(&self, kind: ParamKind, name: &str) -> Option<String>;

    /// All of one kind.
    fn all(&self, kind: ParamKind) -> Vec<(String, String)>;
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// In the headers.
    Header,
}
