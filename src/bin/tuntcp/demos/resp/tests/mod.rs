//! Requests however they are cut, what is wrong with them, and what comes of commands.

mod commands;
mod requests;
mod slow;
