//! On certificates that the tests make with the `openssl` command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use rustls::SignatureScheme;

use super::choice::Choice;
use super::pair::{Fault, Pair};

/// A self-signed pair for these names (`DNS:a,DNS:b`), as PEM.
fn made(folder: &Path, names: &str) -> (Vec<u8>, Vec<u8>) {
    let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
    let done = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=unseen.test", "-addext", &format!("subjectAltName={names}")])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (std::fs::read(certificate).unwrap(), std::fs::read(key).unwrap())
}

fn pair(folder: &Path, names: &str) -> Pair {
    let (certificate, key) = made(folder, names);
    Pair::read(&certificate, &key).unwrap()
}

#[test]
fn a_pair_says_its_names_and_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let pair = pair(folder.path(), "DNS:Site.Test,DNS:*.site.test,IP:127.0.0.1");
    assert_eq!(pair.names, ["site.test", "*.site.test"]);
    let left = pair.not_after.duration_since(std::time::SystemTime::now()).unwrap().as_secs() / 86_400;
    assert!((29..=30).contains(&left), "{left}");
}

#[test]
fn what_does_not_belong_together_is_no_pair() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = made(folder.path(), "DNS:a.test");
    let (_, other) = made(folder.path(), "DNS:a.test");
    let fault = |certificate: &[u8], key: &[u8]| Pair::read(certificate, key).unwrap_err();
    assert_eq!(fault(&certificate, &other), Fault::Key("does not belong to the certificate beside it".to_owned()));
    assert!(matches!(fault(&key, &key), Fault::Certificate(_)), "a key is no certificate");
    assert!(matches!(fault(&certificate, &certificate), Fault::Key(_)), "a certificate is no key");
    assert!(matches!(fault(&certificate[..certificate.len() / 2], &key), Fault::Certificate(_)), "half a file");
    assert!(matches!(fault(b"", &key), Fault::Certificate(_)));
    assert!(matches!(fault(&certificate, b""), Fault::Key(_)));
}

/// Browsers fetch what a chain lacks; nobody mends what is broken in it.
#[test]
fn every_certificate_of_a_chain_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = made(folder.path(), "DNS:a.test");
    let read = |second: &[u8]| Pair::read(&[certificate.as_slice(), second].concat(), &key);
    assert!(read(&certificate).is_ok(), "two good ones");
    assert!(read(b"a comment\n").is_ok());
    // Its first line and two of base64.
    let lines: Vec<&[u8]> = certificate.split_inclusive(|byte| *byte == b'\n').take(3).collect();
    let cut = [lines.concat().as_slice(), b"-----END CERTIFICATE-----\n"].concat();
    let garbage = [
        "-----BEGIN CERTIFICATE-----\nAAECAwQFBgc=\n-----END CERTIFICATE-----\n".as_bytes(),
        b"-----BEGIN CERTIFICATE-----\nno base64\n-----END CERTIFICATE-----\n",
        &certificate[..certificate.len() / 2],
        &cut,
    ];
    for second in garbage {
        let Err(Fault::Certificate(says)) = read(second) else { panic!("{}", String::from_utf8_lossy(second)) };
        assert!(says.contains("number 2 of it") || says.contains("at certificate 2"), "{says}");
    }
}

#[test]
fn the_name_chooses_and_a_wildcard_stands_for_one_label() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = ["DNS:first.test", "DNS:*.site.test", "DNS:www.site.test"].map(|names| pair(folder.path(), names));
    let choice = Choice::of(&pairs);
    let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256];
    let shown = |host: Option<&str>| {
        let found = choice.find(host, &schemes).unwrap();
        pairs.iter().position(|pair| std::sync::Arc::ptr_eq(&pair.certified, &found)).unwrap()
    };
    assert_eq!(shown(Some("www.site.test")), 2);
    assert_eq!(shown(Some("WWW.Site.Test")), 2);
    assert_eq!(shown(Some("a.site.test")), 1);
    assert_eq!(shown(Some("a.b.site.test")), 0, "no certificate names it: the first");
    assert_eq!(shown(Some("site.test")), 0);
    assert_eq!(shown(None), 0);
    assert!(choice.find(None, &[]).is_some(), "somebody is always shown");
}
