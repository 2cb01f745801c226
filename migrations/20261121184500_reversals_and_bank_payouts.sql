-- Transfers that an admin takes back, written before the call with the key that it carries; and what Stripe says of the bank
-- payouts of connected accounts.

create table transfer_reversals (
    enrollment_id uuid not null,
    id uuid not null,
    item_id uuid not null,
    amount_minor bigint not null check (amount_minor > 0),
    reason text not null,
    idempotency_key text not null,
    requested_by text not null,
    -- Business time: the key's age is counted from here.
    requested_at timestamptz not null,
    status text not null check (status in ('unresolved', 'done', 'failed')),
    attempts integer not null default 0,
    -- The database's clock.
    next_attempt_at timestamptz not null,
    reversal_id text,
    error_code text,
    error_message text,
    ended_at timestamptz,
    primary key (enrollment_id, id),
    foreign key (enrollment_id, item_id) references payout_items (enrollment_id, id),
    constraint transfer_reversals_done_check check (status <> 'done' or reversal_id is not null)
);
create index transfer_reversals_id_idx on transfer_reversals (id);
create unique index transfer_reversals_key_key on transfer_reversals (enrollment_id, idempotency_key);
-- One at a time: what is left of a transfer is known only when the one before has ended.
create unique index transfer_reversals_open_key on transfer_reversals (enrollment_id, item_id) where status = 'unresolved';
create index transfer_reversals_due_idx on transfer_reversals (next_attempt_at) where status = 'unresolved';

create table bank_payouts (
    affiliate_id uuid not null references affiliates (id),
    -- Stripe's id of the payout.
    id text not null,
    stripe_account text not null,
    currency text not null check (currency ~ '^[a-z]{3}$'),
    amount_minor bigint not null,
    status text not null check (status in ('paid', 'failed')),
    failure_code text,
    failure_message text,
    -- When Stripe said so.
    told_at timestamptz not null,
    primary key (affiliate_id, id)
);
create index bank_payouts_failed_idx on bank_payouts (told_at desc) where status = 'failed';
