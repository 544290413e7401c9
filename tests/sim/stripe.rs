//! A Stripe of our own: sessions, payments, charges, balance and payouts over HTTP on the loopback. Every answer is the
//! published example object with what follows from the state in it; what the real one would refuse is a violation.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// The secret key that it knows.
pub const KEY: &str = "sk_test_story";

#[derive(Default)]
struct State {
    /// Form and answer of each request with a key.
    sessions: HashMap<String, (String, Value)>,
    charges: Vec<Value>,
    violations: Vec<String>,
    /// So many requests are answered by 500 first.
    failing: usize,
}

/// A handle on the running simulator.
#[derive(Clone)]
pub struct Stripe {
    state: Arc<Mutex<State>>,
    addr: SocketAddr,
    fixtures: Arc<Value>,
}

type Done = (StatusCode, Json<Value>);

impl Stripe {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/stripe-fixtures.json"
        );
        let text = std::fs::read_to_string(path).expect("the fixtures");
        let stripe = Self {
            state: Arc::default(),
            addr: listener.local_addr().expect("an address"),
            fixtures: Arc::new(serde_json::from_str(&text).expect("JSON")),
        };
        let router = Router::new()
            .route("/v1/checkout/sessions", post(session))
            .route("/v1/payment_intents/{id}", get(intent))
            .route("/v1/charges", get(charges))
            .route("/v1/balance", get(balance))
            .route("/v1/payouts", get(payouts))
            .with_state(stripe.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stripe
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The next requests fail on the server's side.
    pub fn fails(&self, times: usize) {
        self.lock().failing = times;
    }

    /// The sessions that were made, as the events about them show them once they are paid.
    pub fn sessions(&self) -> Vec<Value> {
        self.lock()
            .sessions
            .values()
            .map(|(_, session)| session.clone())
            .collect()
    }

    /// Somebody pays a session by card; gives its charge.
    pub fn pays(&self, session: &Value) -> Value {
        let number = self.lock().charges.len();
        let mut charge = self.resource("charge");
        let kept = self.resource("balance_transaction");
        charge["id"] = json!(format!("ch_{number}"));
        charge["amount"] = session["amount_total"].clone();
        charge["amount_refunded"] = json!(0);
        charge["currency"] = session["currency"].clone();
        charge["paid"] = json!(true);
        charge["payment_intent"] = session["payment_intent"].clone();
        charge["metadata"] = session["metadata"].clone();
        charge["created"] = json!(1_790_000_000);
        charge["balance_transaction"] = kept;
        charge["balance_transaction"]["fee"] = json!(45);
        charge["balance_transaction"]["currency"] = session["currency"].clone();
        self.lock().charges.push(charge.clone());
        charge
    }

    /// A charge goes back, in part or whole.
    pub fn gives_back(&self, number: usize, total: i64) -> Value {
        let mut state = self.lock();
        state.charges[number]["amount_refunded"] = json!(total);
        let mut told = state.charges[number].clone();
        told["balance_transaction"] = json!("txn_1");
        told
    }

    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }

    fn resource(&self, name: &str) -> Value {
        self.fixtures["resources"][name].clone()
    }

    /// Refuses strangers, and whoever comes while it fails.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Done> {
        let mut state = self.lock();
        let key = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if key != Some(&format!("Bearer {KEY}")) {
            state
                .violations
                .push("a request without the key".to_owned());
            return Err(refused(401, "api_key_invalid"));
        }
        if state.failing > 0 {
            state.failing -= 1;
            return Err(refused(500, "api_error"));
        }
        Ok(())
    }

    fn wrong(&self, what: impl Into<String>) -> Done {
        self.lock().violations.push(what.into());
        refused(400, "parameter_unknown")
    }
}

fn refused(status: u16, code: &str) -> Done {
    let status = StatusCode::from_u16(status).expect("a status");
    (
        status,
        Json(json!({"error": {"type": "invalid_request_error", "code": code}})),
    )
}

fn fine(value: Value) -> Done {
    (StatusCode::OK, Json(value))
}

async fn session(Shared(stripe): Shared<Stripe>, headers: HeaderMap, form: String) -> Done {
    if let Err(done) = stripe.admit(&headers) {
        return done;
    }
    let Some(key) = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
    else {
        return stripe.wrong("a session without an Idempotency-Key");
    };
    if let Some((before, answer)) = stripe.lock().sessions.get(key) {
        return match *before == form {
            true => fine(answer.clone()),
            false => refused(400, "idempotency_key_in_use"),
        };
    }
    let fields: BTreeMap<String, String> = url::form_urlencoded::parse(form.as_bytes())
        .into_owned()
        .collect();
    const KNOWN: [&str; 12] = [
        "mode",
        "submit_type",
        "success_url",
        "client_reference_id",
        "metadata[tip_id]",
        "metadata[artist_id]",
        "payment_intent_data[metadata][tip_id]",
        "payment_intent_data[metadata][artist_id]",
        "line_items[0][quantity]",
        "line_items[0][price_data][currency]",
        "line_items[0][price_data][unit_amount]",
        "line_items[0][price_data][product_data][name]",
    ];
    if let Some(odd) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return stripe.wrong(format!("the field {odd}"));
    }
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let amount: Option<i64> = field(KNOWN[10]).parse().ok().filter(|amount| *amount >= 50);
    let lands = url::Url::parse(&field("success_url")).is_ok();
    let (Some(amount), true, "payment") = (amount, lands, field("mode").as_str()) else {
        return stripe.wrong("no amount, no page to land on, or another mode");
    };
    let number = stripe.lock().sessions.len();
    let mut session = stripe.resource("checkout.session");
    session["id"] = json!(format!("cs_test_{number}"));
    session["url"] = json!(format!("https://checkout.stripe.example/c/{number}"));
    session["amount_total"] = json!(amount);
    session["currency"] = json!(field(KNOWN[9]));
    session["payment_intent"] = json!(format!("pi_{number}"));
    session["payment_status"] = json!("unpaid");
    session["metadata"] =
        json!({"tip_id": field("metadata[tip_id]"), "artist_id": field("metadata[artist_id]")});
    stripe
        .lock()
        .sessions
        .insert(key.to_owned(), (form, session.clone()));
    fine(session)
}

async fn intent(
    Shared(stripe): Shared<Stripe>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Done {
    if let Err(done) = stripe.admit(&headers) {
        return done;
    }
    if query.get("expand[]").map(String::as_str) != Some("latest_charge.balance_transaction") {
        return stripe.wrong("an intent without its charge");
    }
    let charge = stripe
        .lock()
        .charges
        .iter()
        .find(|one| one["payment_intent"] == json!(id))
        .cloned();
    let mut intent = stripe.resource("payment_intent");
    intent["id"] = json!(id);
    intent["latest_charge"] = charge.unwrap_or_default();
    fine(intent)
}

async fn charges(
    Shared(stripe): Shared<Stripe>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Done {
    if let Err(done) = stripe.admit(&headers) {
        return done;
    }
    let all = stripe.lock().charges.clone();
    let after = query.get("starting_after");
    let mut newest = all.into_iter().rev();
    if let Some(after) = after {
        newest.find(|one| one["id"] == json!(after));
    }
    // Small pages, so that there is more than one.
    let page: Vec<_> = newest.by_ref().take(2).collect();
    let more = newest.next().is_some();
    fine(json!({"object": "list", "url": "/v1/charges", "has_more": more, "data": page}))
}

async fn balance(Shared(stripe): Shared<Stripe>, headers: HeaderMap) -> Done {
    match stripe.admit(&headers) {
        Ok(()) => fine(stripe.resource("balance")),
        Err(done) => done,
    }
}

async fn payouts(Shared(stripe): Shared<Stripe>, headers: HeaderMap) -> Done {
    if let Err(done) = stripe.admit(&headers) {
        return done;
    }
    let mut paid = stripe.resource("payout");
    paid["status"] = json!("paid");
    paid["amount"] = json!(1_100);
    let mut failed = paid.clone();
    failed["status"] = json!("failed");
    let all = [paid.clone(), failed, paid];
    fine(json!({"object": "list", "url": "/v1/payouts", "has_more": false, "data": all}))
}
