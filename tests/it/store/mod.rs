mod books;
mod ledger;
mod verify;
