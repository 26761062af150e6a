//! Every combination of what `plan` may look at, against rules written the other way round.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use http::Method;

use super::*;

const BUCKETS: [u16; 6] = [0, 1, 2_499, 2_500, 7_499, 9_999];

fn shares() -> [Share; 5] {
    [0.0, 0.01, 25.0, 75.0, 100.0].map(|percent| Share::from_percent(percent).unwrap())
}

fn methods(list: &[Method]) -> MethodSet {
    list.iter().cloned().collect()
}

/// Every policy and every question that differ in something `plan` may look at.
fn every_case(mut check: impl FnMut(&Policy, &Asked<'_>, Plan)) -> usize {
    let mut cases = 0;
    let mirrors: Vec<Option<Share>> = shares().into_iter().map(Some).chain([None]).collect();
    let fallbacks = [None, Some(methods(&[])), Some(methods(&[Method::GET]))];
    for stage in Stage::ALL {
        for weight in shares() {
            for &mirror in &mirrors {
                for mirror_methods in [methods(&[]), methods(&[Method::GET]), methods(&[Method::GET, Method::POST])] {
                    for fallback_methods in &fallbacks {
                        let policy = Policy {
                            stage,
                            weight,
                            mirror,
                            mirror_methods: mirror_methods.clone(),
                            fallback_methods: fallback_methods.clone(),
                        };
                        cases += every_question(|asked| check(&policy, asked, policy.plan(asked)));
                    }
                }
            }
        }
    }
    cases
}

fn every_question(mut ask: impl FnMut(&Asked<'_>)) -> usize {
    let mut questions = 0;
    for index in BUCKETS {
        for method in [Method::GET, Method::POST] {
            for override_to in [None, Some(Origin::Legacy), Some(Origin::New)] {
                for (upgrade, rolled_back) in [(false, false), (false, true), (true, false), (true, true)] {
                    let bucket = Bucket::from_index(index).unwrap();
                    ask(&Asked { bucket, method: &method, override_to, upgrade, rolled_back });
                    questions += 1;
                }
            }
        }
    }
    questions
}

/// The product page's table of stages as facts that hold one by one.
#[test]
fn every_combination_keeps_every_rule() {
    let cases = every_case(|policy, asked, plan| {
        let case = format!("{policy:?}\n{asked:?}\n{plan:?}");
        let Asked { bucket, method, override_to, upgrade, rolled_back } = *asked;
        let index = f64::from(bucket.index());

        let new_answers = match (rolled_back, policy.stage.as_str(), override_to) {
            (true, ..) | (_, "legacy" | "shadow", _) | (_, "canary", Some(Origin::Legacy)) => false,
            (_, "new", _) | (_, "canary", Some(Origin::New)) => true,
            (_, _, None) => index < policy.weight.percent() * 100.0,
            other => panic!("unknown case {other:?}"),
        };
        assert_eq!(plan.authoritative == Origin::New, new_answers, "who answers\n{case}");

        let mirrored = !rolled_back
            && policy.stage != Stage::Legacy
            && !upgrade
            && policy.mirror_methods.contains(method)
            && policy.mirror.is_some_and(|share| index >= 10_000.0 - share.percent() * 100.0);
        assert_eq!(plan.mirror.is_some(), mirrored, "whether there is a copy\n{case}");
        assert_ne!(plan.mirror, Some(plan.authoritative), "a copy goes to the other origin\n{case}");

        let may_fall = new_answers && !upgrade && policy.fallback_methods.as_ref().is_some_and(|m| m.contains(method));
        assert_eq!(plan.fallback, may_fall.then_some(Origin::Legacy), "fallback\n{case}");
    });
    assert_eq!(cases, 4 * 5 * 6 * 3 * 3 * 6 * 2 * 3 * 4);
}

#[test]
fn a_stage_reads_like_the_product_page() {
    let policy = |stage| Policy {
        stage,
        weight: Share::from_percent(10.0).unwrap(),
        mirror: Some(Share::ALL),
        mirror_methods: methods(&[Method::GET]),
        fallback_methods: Some(methods(&[Method::GET])),
    };
    let plan = |stage, index| {
        let bucket = Bucket::from_index(index).unwrap();
        let asked = Asked { bucket, method: &Method::GET, override_to: None, upgrade: false, rolled_back: false };
        let Plan { authoritative, mirror, fallback } = policy(stage).plan(&asked);
        let name = |origin: Option<Origin>| origin.map_or("-", Origin::as_str);
        format!("{authoritative} mirror={} fallback={}", name(mirror), name(fallback))
    };
    assert_eq!(plan(Stage::Legacy, 0), "legacy mirror=- fallback=-");
    assert_eq!(plan(Stage::Shadow, 0), "legacy mirror=new fallback=-");
    assert_eq!(plan(Stage::Canary, 999), "new mirror=legacy fallback=legacy");
    assert_eq!(plan(Stage::Canary, 1_000), "legacy mirror=new fallback=-");
    assert_eq!(plan(Stage::New, 9_999), "new mirror=legacy fallback=legacy");
}

#[test]
fn words_are_read_back_and_others_are_refused_by_name() {
    for stage in Stage::ALL {
        assert_eq!(stage.to_string().parse(), Ok(stage));
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
    }
    for origin in Origin::ALL {
        assert_eq!(origin.to_string().parse(), Ok(origin));
        assert_eq!(serde_json::to_value(origin).unwrap(), origin.as_str());
        assert_eq!(origin.other().other(), origin);
    }
    let message = |word: &str| word.parse::<Stage>().unwrap_err().to_string();
    assert_eq!(message("Canary"), "want a stage: legacy, shadow, canary or new; found \"Canary\"");
    assert_eq!("".parse::<Origin>().unwrap_err().to_string(), "want an origin: legacy or new; found \"\"");
}
