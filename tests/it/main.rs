//! Stories told by people to the running gateway, in one binary so that it is linked once.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may stop at the first surprise, and its helpers are nobody's interface"
)]

#[allow(
    dead_code,
    unused_imports,
    reason = "each target uses a part of the simulators"
)]
#[path = "../sim/mod.rs"]
mod sim;

mod budgets;
mod commands;
mod config;
mod crash;
mod discord_adapter;
mod embed_wire;
mod embedding;
mod http;
mod knowledge;
mod model_conformance;
mod model_keys;
mod model_wire;
mod redis_engine;
mod retrieve;
mod store;
mod story_approvals;
mod story_budget;
mod story_buttons;
mod story_called;
mod story_chaos;
mod story_demo;
mod story_discord;
mod story_discord_gateway;
mod story_discord_press;
mod story_discord_sending;
mod story_documents;
mod story_doing;
mod story_doing_at_random;
mod story_files;
mod story_forgetting;
mod story_group;
mod story_habits;
mod story_health;
mod story_input;
mod story_insights;
mod story_message;
mod story_models;
mod story_money;
mod story_nudges;
mod story_outage;
mod story_pages;
mod story_people;
mod story_reply;
mod story_restart;
mod story_safety;
mod story_sight;
mod story_speaking;
mod story_thanks;
mod story_tips;
mod story_tips_burst;
mod story_understood;
mod story_use_cases;
mod story_voice;
mod story_workflows;
mod telegram_adapter;
mod terminal_adapter;
#[allow(dead_code, reason = "stories of one platform use a part of the world")]
mod world;
