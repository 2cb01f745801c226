-- What people are told: notifications in the portal, and mails, kept when no mail server is set.

create table notifications (
    id uuid primary key,
    affiliate_id uuid not null references affiliates (id),
    kind text not null,
    title text not null,
    body text not null,
    link text,
    dedupe_key text not null unique,
    created_at timestamptz not null,
    read_at timestamptz
);
create index notifications_affiliate_idx on notifications (affiliate_id, id desc);

create table outgoing_mail (
    id uuid primary key,
    to_email text not null,
    subject text not null,
    text_body text not null,
    html_body text not null,
    dedupe_key text not null unique,
    status text not null check (status in ('queued', 'kept', 'sent', 'failed')),
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null,
    next_attempt_at timestamptz not null,
    sent_at timestamptz
);
create index outgoing_mail_due_idx on outgoing_mail (next_attempt_at) where status = 'queued';
create index outgoing_mail_created_idx on outgoing_mail (id desc);
