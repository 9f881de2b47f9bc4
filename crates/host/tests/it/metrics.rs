//! Metrics count what happens, and callers cannot make them grow.

use reqwest::Method;
use web::Role;

use crate::toy;

#[tokio::test]
async fn nothing_a_caller_invents_becomes_a_label() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    for index in 0..50 {
        app.get(&format!("/invented-{index}?token=invented"))
            .send()
            .await
            .expect(404);
        let path = format!("/toy/v1/files/invented/{index}");
        app.get(&path)
            .caller(Role::Operator, "invented")
            .send()
            .await
            .expect(200);
        let method = Method::from_bytes(format!("INVENTED{index}").as_bytes()).unwrap();
        app.call(method, "/toy/v1/things").send().await.expect(405);
    }
    let text = app.get("/metrics").send().await.expect(200).text;
    assert!(!text.to_lowercase().contains("invented"), "{text}");
    assert!(text.contains("route=\"(unmatched)\""));
    assert!(text.contains("method=\"(other)\""));
    let route = "method=\"GET\",route=\"/toy/v1/files/{*path}\",status=\"200\"";
    assert!(
        text.contains(&format!("florin_http_requests_total{{{route}}}")),
        "{text}"
    );
    assert!(text.contains("florin_http_request_seconds_bucket{"));
}
