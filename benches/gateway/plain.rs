//! The plainest bot: receives, asks the model, sends. It keeps nothing and forgets what fails.

use std::time::Duration;

use serde_json::{Value, json};
use teloxide::prelude::*;

/// What teloxide's dispatcher keeps in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// The messages of one chat one after the other, which is the default.
    PerChat,
    /// Nothing: every message at once.
    None,
}

/// Where the model is.
#[derive(Clone)]
struct Model {
    client: reqwest::Client,
    url: String,
}

/// Runs until it is killed.
pub async fn run(order: Order) {
    let from = |name: &str| std::env::var(name).expect("the plain bot is told where everything is");
    let api = from("TELEGRAM_API_URL").parse().expect("an address");
    let bot = Bot::new(from("TELEGRAM_BOT_TOKEN")).set_api_url(api);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client");
    let model = Model {
        client,
        url: format!("{}/chat/completions", from("OPENAI_BASE_URL")),
    };
    let handler = Update::filter_message().endpoint(answer);
    let builder = Dispatcher::builder(bot, handler).dependencies(dptree::deps![model]);
    match order {
        Order::PerChat => builder.build().dispatch().await,
        Order::None => {
            let free = builder.distribution_function(|_| None::<()>);
            free.build().dispatch().await;
        }
    }
}

async fn answer(
    bot: Bot,
    message: Message,
    model: Model,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Some(text) = message.text() else {
        return Ok(());
    };
    let question = json!({"model": "scripted", "messages": [{"role": "user", "content": text}]});
    let request = model.client.post(&model.url).json(&question);
    let said: Value = request.send().await?.json().await?;
    let said = said["choices"][0]["message"]["content"].as_str();
    bot.send_message(message.chat.id, said.unwrap_or("…"))
        .await?;
    Ok(())
}
