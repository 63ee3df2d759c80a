//! Error analysis.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use encoder_core::model::Severity;
use encoder_core::monitor::errors::ErrorQuery;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::Query;
use crate::problem::{FieldProblem, Problem};
use crate::state::AppState;
use crate::wire::{ErrorAnalysisDto, OccurrenceDto, PageQuery};

/// Which errors the history shall hold. The rest of the document is about now.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ErrorsQuery {
    /// Not over before this moment, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Not begun after this moment, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// The pattern's id.
    pattern: Option<String>,
    /// The encoder concerned.
    #[serde(alias = "encoder")]
    encoder_id: Option<String>,
    /// The site concerned.
    site: Option<String>,
    /// The destination, without its key.
    destination: Option<String>,
    /// `info`, `warning` or `critical`.
    severity: Option<String>,
}

impl ErrorsQuery {
    fn read(self) -> Result<ErrorQuery, Problem> {
        let mut errors = Vec::new();
        let query = ErrorQuery {
            from: field(
                "from",
                self.from,
                "must be a moment in RFC 3339",
                &mut errors,
            ),
            to: field("to", self.to, "must be a moment in RFC 3339", &mut errors),
            pattern: self.pattern,
            encoder_id: field("encoder_id", self.encoder_id, "must be an id", &mut errors),
            site: self.site,
            destination: self.destination,
            severity: self.severity.and_then(|text| severity(&text, &mut errors)),
        };
        if errors.is_empty() {
            Ok(query)
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

fn field<T: FromStr>(
    name: &str,
    text: Option<String>,
    message: &str,
    errors: &mut Vec<FieldProblem>,
) -> Option<T> {
    let read = text?.parse().ok();
    if read.is_none() {
        errors.push(invalid(name, message));
    }
    read
}

fn severity(text: &str, errors: &mut Vec<FieldProblem>) -> Option<Severity> {
    let known = [Severity::Info, Severity::Warning, Severity::Critical];
    let found = known.into_iter().find(|severity| severity.as_str() == text);
    if found.is_none() {
        errors.push(invalid("severity", "must be info, warning or critical"));
    }
    found
}

fn invalid(field: &str, message: &str) -> FieldProblem {
    FieldProblem {
        field: field.to_owned(),
        code: "invalid_value".to_owned(),
        message: message.to_owned(),
        recommended: None,
    }
}

/// What is wrong, what it has in common, what is probably behind it, and the history of errors.
#[utoipa::path(get, path = "/api/monitoring/errors", tag = "monitoring",
    params(ErrorsQuery, PageQuery), responses((status = 200, body = ErrorAnalysisDto)))]
pub(crate) async fn analysis(
    State(state): State<AppState>,
    Query(query): Query<ErrorsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<ErrorAnalysisDto>, Problem> {
    let found = state.manager().errors(&query.read()?).into_iter();
    let found = found.map(OccurrenceDto::from).collect();
    let history = page.cut_descending(found, |known: &OccurrenceDto| &known.error_id)?;
    let analysis = state.manager().error_analysis().await;
    Ok(Json(ErrorAnalysisDto::new(analysis, history)))
}
