mod books;
mod ledger;
mod server;
mod verify;
mod verify_payouts;
