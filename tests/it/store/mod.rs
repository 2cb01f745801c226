mod books;
mod ledger;
mod server;
mod verify;
