-- What an affiliate said about mails, by topic; without a row they are mailed. Notifications in the portal always come.

create table mail_choices (
    affiliate_id uuid not null references affiliates (id),
    topic text not null check (topic in ('payouts', 'corrections', 'holds', 'by_hand', 'claims', 'payment_method')),
    wanted boolean not null,
    changed_at timestamptz not null,
    primary key (affiliate_id, topic)
);
