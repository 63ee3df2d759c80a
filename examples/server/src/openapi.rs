//! The OpenAPI document, made from the routes, and its pages.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder,
    SecurityRequirement,
};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{PROBLEM_JSON, ProblemDocument};
use crate::routes::ALIASES;

mod answers;

const API_KEY: &str = "api_key";
const INGEST_SECRET: &str = "ingest_secret";

/// An empty document with title and version.
pub(crate) fn base() -> OpenApi {
    let mut info = Info::new("Encoder manager", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Places live streams on a fleet of hardware encoders, watches them, and moves them to \
         another encoder when theirs fails. Figures that a device does not report are `null`."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).build()
}

/// Completes what the routes said: who may, what errors look like, and the aliases.
pub(crate) fn complete(mut api: OpenApi) -> serde_json::Value {
    for (alias, path) in ALIASES {
        if let Some(mut item) = api.paths.paths.get(path).cloned() {
            for operation in operations(&mut item) {
                let id = operation.operation_id.take().unwrap_or_default();
                operation.operation_id = Some(format!("{id}{}", alias.replace('/', "_")));
            }
            api.paths.paths.insert(alias.to_owned(), item);
        }
    }
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in named_operations(item) {
            let id = path.replace(['/', '{', '}', '-'], "_");
            operation.operation_id = Some(format!("{method}{}", id.trim_end_matches('_')));
            operation
                .responses
                .responses
                .insert("default".to_owned(), RefOr::T(problem()));
        }
    }
    let components = api.components.get_or_insert_default();
    let mut schemas = vec![(
        ProblemDocument::name().into_owned(),
        ProblemDocument::schema(),
    )];
    ProblemDocument::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme(API_KEY, scheme);
    let mut ingest = Http::new(HttpAuthScheme::Bearer);
    ingest.description = Some("The setting `ingest.secret`, for the ingest alone.".to_owned());
    components.add_security_scheme(INGEST_SECRET, SecurityScheme::Http(ingest));
    api.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(
        API_KEY,
        [],
    )]);
    let document = serde_json::to_value(api).expect("a document is plain data");
    answers::complete(document)
}

fn problem() -> Response {
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description("A problem document")
        .content(PROBLEM_JSON, content)
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    named_operations(item).map(|(_, operation)| operation)
}

fn named_operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("delete", item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}
