//! The OpenAPI document and the page made from it.

use serde_json::Value;

use crate::harness::Company;

#[tokio::test]
async fn the_document_and_the_page_are_served_without_a_key_and_name_every_route() {
    let company = Company::new().await;
    let fetch = async |path: &str| {
        let response = company.http.get(format!("{}{path}", company.url)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    };
    let document: Value = serde_json::from_str(&fetch("/api/v1/openapi.json").await).unwrap();
    let page = fetch("/api/docs").await;
    assert!(fetch("/api/docs.css").await.contains("font"));
    assert!(!page.contains("http://") && !page.contains("https://"), "the page loads nothing from elsewhere");
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} says what it does");
        }
    }
}

#[test]
fn the_document_tells_the_key_of_every_post_and_each_refusal_once() {
    let document = serde_json::to_value(purser::http::api::document()).unwrap();
    let refusals = document["components"]["responses"].as_object().unwrap();
    for (name, refusal) in refusals {
        assert_eq!(
            refusal["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/ErrorBody",
            "{name}"
        );
    }
    assert!(refusals.contains_key("MethodNotAllowed"));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let key = parameters.iter().find(|one| one["name"] == "Idempotency-Key");
            assert_eq!(key.map(|key| &key["in"]), (method == "post").then_some(&"header".into()), "{method} {path}");
            let named = |status: &str| operation["responses"][status]["$ref"].as_str();
            let reads = method == "post" || method == "patch" || parameters.iter().any(|one| one["in"] == "query");
            assert_eq!(named("400"), reads.then_some("#/components/responses/Unreadable"), "{method} {path}");
            assert_eq!(named("409"), Some("#/components/responses/Conflict"), "{method} {path}");
        }
    }
    for path in ["/payouts/process-now", "/payout-batches/{id}/execute", "/payout-items/{id}/reverse"] {
        let told = &document["paths"][path]["post"]["responses"]["503"]["$ref"];
        assert_eq!(told, "#/components/responses/Unavailable", "{path}");
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = serde_json::to_value(purser::http::api::document()).unwrap();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.trim_start_matches('#');
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(fields.values());
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
}
