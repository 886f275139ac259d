//! The accounts and answers that all readers share, in whatever language: `tests/vectors/reader.json`.

use oracle_reader::{
    Account, Key,
    answer::{Question, answer},
    median::median_of,
    read::{Source, Terms, find},
};
use serde_json::{Value, json};
use std::fmt::Debug;

struct Vectors(Value);

impl Vectors {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../../../tests/vectors/reader.json")).unwrap())
    }

    /// Every case of a kind, by its name where it goes wrong.
    fn check(&self, kind: &str, one: impl Fn(&Value)) {
        let cases = self.0[kind].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            println!("{kind}: {}", case["name"]); // shown when the test fails
            one(case);
        }
    }

    fn program(&self) -> Key {
        key(&self.0["program"])
    }

    fn terms(&self, case: &Value) -> Terms {
        let number = |name: &str| case[name].as_u64().unwrap();
        Terms { program: self.program(), now_ms: number("now_ms"), max_age_ms: number("max_age_ms") }
    }

    fn held(&self, name: &Value) -> Held {
        let account = &self.0["accounts"][name.as_str().unwrap()];
        Held { address: key(&account["address"]), owner: key(&account["owner"]), data: bytes(&account["data"]) }
    }
}

struct Held {
    address: Key,
    owner: Key,
    data: Vec<u8>,
}

impl Held {
    fn account(&self) -> Account<'_> {
        Account { address: self.address, owner: self.owner, data: &self.data }
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn key(hex: &Value) -> Key {
    bytes(hex).try_into().unwrap()
}

fn source(value: &Value) -> Source {
    let number = |name: &str| value[name].as_u64().unwrap() as u16;
    Source {
        authority: key(&value["authority"]),
        board: key(&value["board"]),
        index: number("index"),
        generation: number("generation"),
    }
}

fn outcome<T>(result: Result<T, impl Debug>, shown: impl Fn(T) -> Value) -> Value {
    match result {
        Ok(value) => json!({ "is": shown(value) }),
        Err(refusal) => json!({ "refusal": format!("{refusal:?}") }),
    }
}

#[test]
fn prices() {
    let vectors = Vectors::read();
    vectors.check("prices", |case| {
        let (source, held, terms) = (source(&case["source"]), vectors.held(&case["account"]), vectors.terms(case));
        let price = source.price(&held.account(), &terms);
        let shown = outcome(price, |slot| json!({ "bid": slot.bid, "ask": slot.ask, "as_of_ms": slot.as_of_ms }));
        assert_eq!(shown, case["price"]);
        assert_eq!(outcome(source.twice_mid(&held.account(), &terms), |mid| json!(mid)), case["twice_mid"]);
    });
}

#[test]
fn finds() {
    let vectors = Vectors::read();
    vectors.check("finds", |case| {
        let (board, ids) = (vectors.held(&case["board"]), vectors.held(&case["ids"]));
        let found = find(&board.account(), &ids.account(), &vectors.program(), &key(&case["id"]));
        let shown = outcome(found, |(index, generation)| json!({ "index": index, "generation": generation }));
        assert_eq!(shown, case["expect"]);
    });
}

#[test]
fn medians() {
    let vectors = Vectors::read();
    vectors.check("medians", |case| {
        let sources: Vec<_> = case["sources"].as_array().unwrap().iter().map(source).collect();
        let held: Vec<_> = case["accounts"].as_array().unwrap().iter().map(|name| vectors.held(name)).collect();
        let quorum = case["quorum"].as_u64().unwrap() as usize;
        let median = median_of(&sources, held.iter().map(Held::account), &vectors.terms(case), quorum);
        let shown = outcome(median, |found| json!({ "twice_mid": found.twice_mid, "voices": found.voices }));
        assert_eq!(shown, case["expect"]);
    });
}

#[test]
fn answers() {
    let vectors = Vectors::read();
    vectors.check("answers", |case| {
        let (held, asked) = (vectors.held(&case["account"]), &case["question"]);
        let question = Question {
            committee: key(&asked["committee"]),
            market: key(&asked["market"]),
            spec_hash: key(&asked["spec_hash"]),
        };
        let found = answer(&held.account(), &vectors.program(), &question);
        assert_eq!(outcome(found, |yes| json!({ "yes": yes })), case["expect"]);
    });
}

/// A program keeps its sources as bytes.
#[test]
fn a_source_is_read_out_of_bytes() {
    let mut data = [0; Source::LEN];
    data[..32].fill(1);
    data[32..64].fill(2);
    data[64..].copy_from_slice(&[3, 1, 4, 2]);
    assert_eq!(Source::from_bytes(&data), Source { authority: [1; 32], board: [2; 32], index: 259, generation: 516 });
}
