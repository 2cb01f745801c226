-- What customers got back: refunds and disputes by Stripe's ids, and what each charge collected and gave back in all.
-- A sale's are found through its aliases; `sale_id` says where they were counted last, and is empty while the sale is unknown.

create table charges (
    id text primary key,
    payment_intent text,
    currency text not null check (currency ~ '^[a-z]{3}$'),
    amount_minor bigint not null check (amount_minor >= 0),
    captured_minor bigint not null check (captured_minor >= 0),
    -- Stripe's running `amount_refunded`, as the newest event told it.
    refunded_minor bigint not null default 0 check (refunded_minor >= 0),
    refunded_told_at timestamptz,
    updated_at timestamptz not null
);
create index charges_payment_intent_idx on charges (payment_intent) where payment_intent is not null;

create table refunds (
    id text primary key,
    charge text,
    payment_intent text,
    sale_id uuid references sales (id),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    amount_minor bigint not null check (amount_minor >= 0),
    status text not null check (status in ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')),
    -- Stripe's words.
    reason text,
    failure_reason text,
    made_at timestamptz not null,
    failed_at timestamptz,
    -- The time of the newest event that told of it, and that event.
    told_at timestamptz not null,
    cause text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint refunds_payment_check check (charge is not null or payment_intent is not null)
);
create index refunds_charge_idx on refunds (charge);
create index refunds_payment_intent_idx on refunds (payment_intent);
create index refunds_sale_id_idx on refunds (sale_id, made_at);

create table disputes (
    id text primary key,
    charge text,
    payment_intent text,
    sale_id uuid references sales (id),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    amount_minor bigint not null check (amount_minor >= 0),
    status text not null check (status in ('warning_needs_response', 'warning_under_review', 'warning_closed',
        'needs_response', 'under_review', 'charge_refunded', 'prevented', 'won', 'lost')),
    reason text,
    opened_at timestamptz not null,
    closed_at timestamptz,
    funds_withdrawn_at timestamptz,
    funds_reinstated_at timestamptz,
    told_at timestamptz not null,
    cause text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint disputes_payment_check check (charge is not null or payment_intent is not null)
);
create index disputes_charge_idx on disputes (charge);
create index disputes_payment_intent_idx on disputes (payment_intent);
create index disputes_sale_id_idx on disputes (sale_id, opened_at);

-- Parked events about a payment whose sale isn't known: under each name that the sale may come to be known by.
create table parked_events (
    name text not null,
    event_id text not null references inbox_events (id),
    primary key (name, event_id)
);
create index parked_events_event_id_idx on parked_events (event_id);

-- What `refunded_minor` consists of, by refund and dispute; and what of it the conversion's lines have followed.
alter table sales add column given_back jsonb not null default '[]';
alter table conversions add column given_back jsonb not null default '[]';
