//! The header by which a request says its trace context.
//!
//! Owns its name and its value, which is of one width for all requests of a run: it is written over the one before. Refuses to choose ids
//! (`measure::tracing`).
//!
//! It is put in after a signature is made, and no signature covers it: gateways, proxies and agents on the way write it anew, which is why AWS's own
//! clients leave `x-amzn-trace-id` out of theirs.

use http::{HeaderName, HeaderValue};

use crate::measure::tracing::{Dialect, Occasion, TraceContext, Tracing};

/// As W3C Trace Context has it, section 3.2.2: version, trace, span, flags.
const W3C: &str = "00-00000000000000000000000000000000-0000000000000000-00";
/// As AWS X-Ray has it, "Tracing header": the trace in two parts, of which the first is a second since 1970.
const XRAY: &str = "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";

/// Writes the header of a lane's requests.
pub(in crate::engine) struct Tracer {
    tracing: Tracing,
    name: HeaderName,
    value: Box<[u8]>,
}

impl Tracer {
    pub(in crate::engine) fn new(tracing: Tracing) -> Self {
        let form = match tracing.dialect {
            Dialect::W3c => W3C,
            Dialect::XRay => XRAY,
        };
        Self { tracing, name: HeaderName::from_static(tracing.dialect.header()), value: form.as_bytes().into() }
    }

    pub(super) const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value for a request.
    pub(super) fn value(&mut self, occasion: Occasion) -> &[u8] {
        let TraceContext { trace, span, sampled } = self.tracing.context(occasion);
        let value = &mut self.value;
        let sampled = b'0' + u8::from(sampled);
        match self.tracing.dialect {
            Dialect::W3c => {
                write_hex((trace >> 64) as u64, &mut value[3..19]);
                write_hex(trace as u64, &mut value[19..35]);
                write_hex(span, &mut value[36..52]);
                value[54] = sampled;
            }
            Dialect::XRay => {
                write_hex((trace >> 96) as u64, &mut value[7..15]);
                write_hex((trace >> 64) as u64, &mut value[16..24]);
                write_hex(trace as u64, &mut value[24..40]);
                write_hex(span, &mut value[48..64]);
                value[73] = sampled;
            }
        }
        value
    }

    /// The header for a request.
    pub(in crate::engine) fn header(&mut self, occasion: Occasion) -> (HeaderName, HeaderValue) {
        let value = HeaderValue::from_bytes(self.value(occasion)).expect("letters, digits and signs are a header's value");
        (self.name.clone(), value)
    }

    /// Appends the line of the header, whose value is to be written over; where that begins.
    pub(super) fn write_line(&self, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(self.name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        let at = out.len();
        out.extend_from_slice(&self.value);
        out.extend_from_slice(b"\r\n");
        at
    }
}

/// The lowest digits of a number, as many as there is room for.
fn write_hex(mut number: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_policy::time::{Instant, Span};

    use super::*;

    fn tracer(dialect: Dialect, share: f64) -> (Tracing, Tracer) {
        let tracing = Tracing::new(dialect, "a run", share, Span::from_secs(1_795_370_371));
        (tracing, Tracer::new(tracing))
    }

    #[test]
    fn the_value_is_what_the_specification_says() {
        for share in [0.0, 1.0] {
            for n in 0..100_u32 {
                let occasion = Occasion { session: n, seq: 3, attempt: 1, intended: Instant::from_ns(u64::from(n) << 30) };
                let flag = u8::from(share > 0.5);
                let (tracing, mut w3c) = tracer(Dialect::W3c, share);
                let TraceContext { trace, span, sampled } = tracing.context(occasion);
                assert_eq!(sampled, flag == 1);
                assert_eq!(w3c.value(occasion), format!("00-{trace:032x}-{span:016x}-0{flag}").as_bytes());
                let (_, mut xray) = tracer(Dialect::XRay, share);
                let (root, rest) = (trace >> 96, trace & ((1 << 96) - 1));
                let expected = format!("Root=1-{root:08x}-{rest:024x};Parent={span:016x};Sampled={flag}");
                assert_eq!(xray.value(occasion), expected.as_bytes());
            }
        }
    }

    #[test]
    fn its_line_has_room_for_any_value() {
        for dialect in [Dialect::W3c, Dialect::XRay] {
            let (_, mut tracer) = tracer(dialect, 1.0);
            let mut line = Vec::new();
            let at = tracer.write_line(&mut line);
            let value = tracer.value(Occasion::FIRST);
            assert_eq!(line.len(), at + value.len() + 2);
        }
    }
}
