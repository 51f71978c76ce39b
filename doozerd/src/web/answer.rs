//! Decides what a request is answered with.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::{StatusSource, page};

/// Sent with every answer, beside its own headers.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
];

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The answer to a request of that method for that path.
pub(super) fn answer(
    method: &Method,
    path: &str,
    source: &dyn StatusSource,
) -> Response<Full<Bytes>> {
    if !matches!(path, "/" | "/healthz") {
        return response(StatusCode::NOT_FOUND, TEXT, "not found\n".to_owned());
    }
    if *method != Method::GET && *method != Method::HEAD {
        let text = "only GET and HEAD are answered\n".to_owned();
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let status = source.status();
    match (path, status.trouble.clone()) {
        ("/healthz", None) => response(StatusCode::OK, TEXT, "ok\n".to_owned()),
        ("/healthz", Some(trouble)) => {
            response(StatusCode::SERVICE_UNAVAILABLE, TEXT, trouble + "\n")
        }
        _ => response(StatusCode::OK, HTML, page::html(&status)),
    }
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        "content-security-policy",
        HeaderValue::from_static(page::POLICY),
    );
    for (name, value) in HEADERS {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    response
}
