-- Signs of fraud, kept per conversion, and the cards that tell one buyer from another.

-- Stripe's fingerprint of the card that paid: the same for one card, whoever uses it. A sale may be paid by several.
create table sale_cards (
    fingerprint text not null,
    sale_id uuid not null references sales (id),
    primary key (fingerprint, sale_id)
);
create index sale_cards_sale_id_idx on sale_cards (sale_id);

-- Found once and never withdrawn: `action` is what the program's setting made of it then.
create table conversion_signs (
    enrollment_id uuid not null references enrollments (id),
    conversion_id uuid not null references conversions (id),
    kind text not null check (kind in ('self_referral', 'velocity', 'shared_buyer')),
    action text not null check (action in ('flag', 'hold')),
    -- In words, for the company only.
    detail text not null,
    -- The hold that it put on the conversion's lines; none when nothing of them could be stopped any more.
    hold_id uuid,
    found_at timestamptz not null,
    primary key (enrollment_id, conversion_id, kind),
    foreign key (enrollment_id, hold_id) references holds (enrollment_id, id)
);
create index conversion_signs_conversion_idx on conversion_signs (conversion_id);

-- How many conversions came within an hour.
create index conversions_hour_idx on conversions (enrollment_id, position_at);
