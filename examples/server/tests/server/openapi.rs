//! The OpenAPI document and its pages.

use serde_json::Value;

use crate::bench::Bench;

const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

#[tokio::test(start_paused = true)]
async fn every_documented_operation_exists_and_says_what_errors_look_like() {
    let bench = Bench::new().await;
    let api = bench.call("GET", "/openapi.json", "", None).await.json();
    assert!(
        api["openapi"].as_str().unwrap().starts_with("3."),
        "{}",
        api["openapi"]
    );
    let mut ids = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let default = &operation["responses"]["default"]["content"]["application/problem+json"];
            assert_eq!(
                default["schema"]["$ref"], "#/components/schemas/Problem",
                "{method} {path}"
            );
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
            if path == "/api/events" {
                continue;
            }
            let concrete = path.replace("{id}", "none").replace("{encoder_id}", "none");
            let answer = bench
                .call(&method.to_uppercase(), &concrete, &bench.admin, None)
                .await;
            assert_ne!(answer.status, 405, "{method} {path}");
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
    assert!(count >= 35, "{count} operations");
}

#[tokio::test(start_paused = true)]
async fn references_lead_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(target) if name == "$ref" => found.push(target.to_owned()),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let bench = Bench::new().await;
    let api = bench.call("GET", "/openapi.json", "", None).await.json();
    let mut found = Vec::new();
    references(&api, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(api.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pages_load_nothing_from_elsewhere() {
    let bench = Bench::new().await;
    let page = bench.call("GET", "/docs/", "", None).await;
    assert_eq!(page.status, 200);
    assert!(
        !page.text.contains("https://") && !page.text.contains("http://"),
        "{}",
        page.text
    );
    assert_eq!(
        bench
            .call("GET", "/docs/swagger-initializer.js", "", None)
            .await
            .status,
        200
    );
    assert_eq!(bench.call("GET", "/docs", "", None).await.status, 303);
}
