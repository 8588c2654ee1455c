//! A request on its way to a function, and what the function returns on its way to the client.
//!
//! Owns which of the two ways a function has: as a proxy, by events and answers, or between templates. Refuses the formats
//! ([`event`](crate::event), [`function_answer`](crate::function_answer)) and to invoke. Asked by whoever runs the function.

use bytes::Bytes;
use sluicegate_policy::call::{Content, FunctionResult, Mapped};
use sluicegate_policy::model::Transfer;

use super::Examined;
use crate::answer::final_status;
use crate::content;
use crate::event::{Occasion, PayloadFormat};
use crate::expression::Backend;
use crate::front::{FunctionFace, IntegrationFace};
use crate::function_answer::{FunctionFault, Returned, error_message, proxied};
use crate::mapping::{self, Compiled};
use crate::media::BinaryMedia;

impl<'a> Examined<'a> {
    /// What the function of its route gets: the event of a proxy, else what the templates made of the request; `None` if no function is
    /// there. To be asked after the gateway has had the request mapped.
    pub fn function_input(&self) -> Option<Bytes> {
        let FunctionFace { format, mapping, .. } = self.function()?;
        if mapping.is_some() {
            return Some(self.integration_body());
        }
        let operation = self.seen.route().and_then(|route| route.operation.as_deref());
        let known = self.seen.to.link.and_then(|linked| linked.link?.authorizer.as_deref().cloned());
        let authorizer = known.or_else(|| self.authorizer(*format));
        let occasion = Occasion { format: *format, binary: &self.seen.api().binary, authorizer: authorizer.as_ref(), operation };
        Some(self.event(&occasion).into())
    }

    /// How the answer of its route's integration comes to the client.
    pub fn transfer(&self) -> Transfer {
        self.seen.route().map_or(Transfer::Buffered, |route| route.integration.transfer())
    }

    /// What the function returned makes of the integration; the answer itself follows when the gateway has decided.
    pub fn on_function(&mut self, returned: Returned<'_>) -> FunctionResult {
        let Some(FunctionFace { format, mapping, .. }) = self.function() else { return FunctionResult::Misconfigured };
        if mapping.is_some() {
            return match self.function_mapped(returned) {
                Mapped::Answer(content) => FunctionResult::Answered(content),
                Mapped::UnsupportedMediaType | Mapped::Misconfigured => FunctionResult::Misconfigured,
            };
        }
        let binary = &self.seen.api().binary;
        match self.function_answered(*format, returned, binary) {
            Ok(content) => FunctionResult::Answered(content),
            Err(FunctionFault::Failed) => FunctionResult::Failed,
            Err(FunctionFault::Undecodable) if matches!(format, PayloadFormat::Rest | PayloadFormat::WebSocket) => {
                FunctionResult::Misconfigured
            }
            Err(FunctionFault::Malformed(_) | FunctionFault::Undecodable) => FunctionResult::Malformed,
        }
    }

    /// What is known before the function runs: of a modelled one the answer, too.
    pub(super) fn before_function(&mut self, function: &FunctionFace) -> Mapped {
        let mapped = function.mapping.as_ref().map_or(Ok(()), |mapping| self.map_request(mapping));
        match (mapped, &function.modelled) {
            (Err(failed), _) => failed,
            (Ok(()), Some(returned)) => self.function_mapped(Returned::Value(returned)),
            (Ok(()), None) => Mapped::Answer(Content::default()),
        }
    }

    /// What a function returned to a proxy integration is kept for the answer, after the parameter mapping of an HTTP API. The
    /// content says its status and length.
    pub fn function_answered(
        &mut self,
        format: PayloadFormat,
        returned: Returned<'_>,
        binary: &BinaryMedia,
    ) -> Result<Content, FunctionFault> {
        let mut answer = proxied(format, returned, self.seen.header("accept"), binary)?;
        answer.status = final_status(answer.status);
        let face = self.face().filter(|face| face.responses.concerns(answer.status));
        if let Some(face) = face {
            self.map_parameters(&mut answer, face);
        }
        Ok(self.keep(answer))
    }

    /// What a function returned to an integration that is not a proxy (`AWS`) is mapped and kept for the answer: an error's
    /// `errorMessage` chooses the integration response. Without a response that fits, and with a template that fails, the
    /// integration is misconfigured.
    pub fn function_mapped(&mut self, returned: Returned<'_>) -> Mapped {
        let Some(mapping) = self.around_function() else { return Mapped::Misconfigured };
        let (Returned::Value(bytes) | Returned::Head(bytes) | Returned::Error(bytes)) = returned;
        let Some(response) = mapping.response(&error_message(returned)) else { return Mapped::Misconfigured };
        let bytes = self.outgoing(&Bytes::copy_from_slice(bytes), Some(mapping::JSON), response.content_handling);
        let Ok(bytes) = bytes else { return Mapped::Misconfigured };
        match self.map_response(response, Backend { headers: &[], body: &content::for_template(&bytes) }, &bytes) {
            Ok(answer) => Mapped::Answer(self.keep(answer)),
            Err(_) => Mapped::Misconfigured,
        }
    }

    fn around_function(&self) -> Option<&'a Compiled> {
        self.function()?.mapping.as_ref()
    }

    fn function(&self) -> Option<&'a FunctionFace> {
        match &self.face()?.integration {
            IntegrationFace::Function(function) => Some(function),
            IntegrationFace::Constant(_)
            | IntegrationFace::Mock(_)
            | IntegrationFace::Http(_)
            | IntegrationFace::Misconfigured
            | IntegrationFace::Service(_) => None,
        }
    }
}
