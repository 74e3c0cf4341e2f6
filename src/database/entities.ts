import { ApiKeyRow } from '../access/api-key.entity';
import { AppRow } from '../apps/app.entity';
import { OwnerRow } from '../owners/owner.entity';
import { PlanRow, PlanTermsRow } from '../plans/plan.entity';

/** Every entity. The ledger's own tables have none: its hot path speaks SQL (docs/adr/0002). */
export const entities = [ApiKeyRow, AppRow, OwnerRow, PlanRow, PlanTermsRow];
