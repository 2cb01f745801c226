-- What a payout may take: approved lines, and finalized ones whose item failed or was cancelled. The one definition that
-- totals, drafts and retries share.

create view payable_lines as
select enrollment_id, id, program_id, affiliate_id, sale_id, kind, status, amount_minor, currency, matures_at, created_at
from commissions_ledger
where status in ('approved', 'finalized') and payout_item_id is null;
