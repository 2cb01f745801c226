-- Where a credited sale stands among its enrollment's of the campaign, for tiers and caps: by the time of payment, then by
-- the smallest of its ids at Stripe, so that the order doesn't depend on what arrived first. Written under the enrollment's
-- lock only.
alter table conversions
    add column position_at timestamptz,
    add column position_key text collate "C",
    -- Who bought, as the payment was numbered.
    add column buyer_customer text,
    add column buyer_email text,
    -- No sale of its own any more: it turned out to be another.
    add column retired boolean not null default false,
    -- What tiers and caps count up to this sale and with it. Kept as long as every sale before it has one: null where no
    -- rule has asked yet.
    add column tally jsonb,
    -- What the rule allowed before anything was paid back, and what it makes of what is kept; with the tally.
    add column allowed_minor bigint,
    add column target_minor bigint;

update conversions c set
    position_at = s.paid_at,
    position_key = coalesce((select min(a.alias collate "C") from sale_aliases a where a.sale_id = s.id), s.id::text),
    buyer_customer = s.stripe_customer_id,
    buyer_email = s.email,
    retired = s.status = 'merged'
from sales s where s.id = c.sale_id;

create index conversions_position_idx on conversions (enrollment_id, campaign_id, position_at, position_key) where not retired;
create index conversions_tallied_idx on conversions (enrollment_id, campaign_id, position_at, position_key) where tally is not null;
