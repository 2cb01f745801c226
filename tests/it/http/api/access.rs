//! Who may call what, for every route of the OpenAPI document: a route that is added is covered at once.

use purser::domain::actor::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Caller, answer};
use crate::harness::Company;

/// What a route says that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Scope(Scope),
    Affiliate,
}

/// Every route: method, path with its parameters replaced by ids of nothing, and what it needs.
fn routes() -> Vec<(Method, String, Needs)> {
    let document = serde_json::to_value(purser::http::api::document()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security =
                operation["security"][0].as_object().unwrap_or_else(|| panic!("{method} {path} needs nothing"));
            let needs = match (security.get("key"), security.get("affiliate")) {
                (Some(scopes), None) => Needs::Scope(scopes[0].as_str().unwrap().parse().unwrap()),
                (None, Some(_)) => Needs::Affiliate,
                _ => panic!("{method} {path} needs {security:?}"),
            };
            let method = method.to_uppercase().parse().unwrap();
            routes.push((method, path.replace("{id}", "nothing_has_this_id"), needs));
        }
    }
    assert!(routes.len() > 40, "the document has all routes");
    routes
}

async fn status(caller: &Caller<'_>, method: &Method, path: &str) -> u16 {
    let request = caller.request(method.clone(), path);
    let request = if *method == Method::GET { request } else { request.body(json!({}).to_string()) };
    answer(request).await.status
}

#[tokio::test]
async fn every_route_lets_in_whom_it_says_and_nobody_else() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let affiliate = company.as_affiliate(ada.affiliate).await;
    let stranger = Caller { company: &company, secret: "pk_somebody_elses".to_owned() };
    let keys = [company.api(Scope::Read).await, company.api(Scope::Write).await, company.api(Scope::Payouts).await];
    for (method, path, needs) in routes() {
        let route = format!("{method} {path}");
        assert_eq!(status(&stranger, &method, &path).await, 401, "{route} with an unknown key");
        let as_affiliate = status(&affiliate, &method, &path).await;
        match needs {
            Needs::Affiliate => assert!(![401, 403].contains(&as_affiliate), "{route} with an affiliate's token"),
            Needs::Scope(_) => assert_eq!(as_affiliate, 403, "{route} with an affiliate's token"),
        }
        for (key, scope) in keys.iter().zip(Scope::ALL) {
            let got = status(key, &method, &path).await;
            match needs {
                Needs::Scope(needed) if scope >= &needed => {
                    assert!(![401, 403].contains(&got), "{route} with a {scope} key: {got}");
                }
                _ => assert_eq!(got, 403, "{route} with a {scope} key"),
            }
        }
    }
}

#[tokio::test]
async fn every_route_without_a_key_says_how_to_give_one() {
    let company = Company::new().await;
    for (method, path, _) in routes() {
        let url = format!("{}/api/v1{path}", company.url);
        let response = company.http.request(method.clone(), url).send().await.unwrap();
        assert_eq!(response.status(), 401, "{method} {path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "unauthorized");
    }
}

#[tokio::test]
async fn a_revoked_key_and_a_suspended_affiliate_are_out_at_once() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let affiliate = company.as_affiliate(ada.affiliate).await;
    assert_eq!(affiliate.get("/me").await.status, 200);
    let path = format!("/affiliates/{}", ada.affiliate);
    key.patch(&path, json!({ "status": "suspended" })).await.ok();
    affiliate.get("/me").await.refused(401, "unauthorized", None);
    let now = company.engine.clock.now().await;
    let keys = purser::desk::api_keys::list(&company.engine, &super::SET_UP).await.unwrap();
    purser::desk::api_keys::revoke(&company.engine, &super::SET_UP, now, keys[0].id).await.unwrap();
    key.get(&path).await.refused(401, "unauthorized", None);
}

#[tokio::test]
async fn what_is_no_route_and_what_a_route_does_not_take_are_answered_in_json() {
    let company = Company::new().await;
    let key = company.api(Scope::Read).await;
    key.get("/nothing").await.refused(404, "not_found", None);
    let deleting = key.request(Method::DELETE, "/programs");
    answer(deleting).await.refused(405, "method_not_allowed", None);
}
