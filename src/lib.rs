#![doc = include_str!("ARCHITECTURE.md")]

pub mod app;
pub mod budget;
pub mod capability;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod external;
pub mod health;
pub mod http;
pub mod intake;
pub mod jobs;
pub mod knowledge;
pub mod llm;
pub mod mail;
pub mod memory;
pub mod model;
pub mod people;

pub mod money;
pub mod platform;
pub mod store;
pub mod turn;
pub mod workflow;
