import { databaseKindOf } from '../support/database';
import { startTestService, type TestService } from '../support/service';

describe('an action', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService(databaseKindOf());
  });
  afterAll(() => service.stop());

  it('debits one credit and returns its receipt with the balance right after it', async () => {
    const { appKey } = await service.tenant(100);
    const { invokeLlm } = await service.ask(
      'mutation { invokeLlm(input: { idempotencyKey: "1", model: "gpt-4o" }) { action { status availableAfter } balance { available } replayed } }',
      {},
      appKey,
    );
    expect(invokeLlm).toEqual({
      action: { status: 'CAPTURED', availableAfter: 99 },
      balance: { available: 99 },
      replayed: false,
    });
  });

  it('is refused on an empty pool, whoever asks at once: one credit, 200 actions, one accepted', async () => {
    const { appKey } = await service.tenant(1);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        service.send(`mutation { sendSms(input: { idempotencyKey: "${i}" }) { replayed } }`, {}, appKey),
      ),
    );
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'INSUFFICIENT_CREDITS')).toHaveLength(199);
  });
});
