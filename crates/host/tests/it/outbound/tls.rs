//! Certificates are verified: by whom they are signed, and for whom.

use std::sync::Arc;

use host::CallError;
use host::outbound::{Address, Request, Trouble};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{FEED, feed, once, world};

/// A listener whose certificate is for `name`; answers its port and who signed.
async fn listener(name: &str) -> (u16, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let own = own.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let answer = b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (port, authority.pem())
}

async fn ask(port: u16, authorities_pem: Option<String>) -> Result<u16, CallError> {
    let address = Address::parse(&format!("https://localhost:{port}")).unwrap();
    let mut reach = feed(address, once());
    reach.outside.get_mut("feed").unwrap().authorities_pem = authorities_pem;
    let outbound = world().await.outbound("caller", &FEED, reach).unwrap();
    let answer = outbound.reach("feed", Request::post("/x", &[])).await;
    answer.map(|answer| answer.status())
}

#[track_caller]
fn not_connected(outcome: Result<u16, CallError>) {
    match outcome {
        Err(CallError::Unavailable { trouble, .. }) => assert_eq!(trouble, Trouble::NotConnected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_host_is_believed_if_its_certificate_is_its_own_and_of_a_trusted_authority() {
    let (port, authority) = listener("localhost").await;
    assert_eq!(ask(port, Some(authority.clone())).await.unwrap(), 204);
    // The system's authorities do not know it, nor does another's.
    not_connected(ask(port, None).await);
    let (elsewhere, other) = listener("feed.example.org").await;
    not_connected(ask(port, Some(other.clone())).await);
    // Signed by whom we trust, for somebody else.
    not_connected(ask(elsewhere, Some(other.clone())).await);
    assert_eq!(
        ask(port, Some(format!("{other}{authority}")))
            .await
            .unwrap(),
        204
    );
}

#[tokio::test]
async fn authorities_that_are_none_are_refused_before_anything_is_sent() {
    for pem in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let address = Address::parse("https://localhost:9").unwrap();
        let mut reach = feed(address, once());
        reach.outside.get_mut("feed").unwrap().authorities_pem = Some(pem.to_owned());
        let refused = world().await.outbound("caller", &FEED, reach).unwrap_err();
        let expected = "caller outside feed: authorities must be PEM certificates, at most 1024";
        assert_eq!(refused.to_string(), expected);
    }
}
