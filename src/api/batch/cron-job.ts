import { defineKind, STATUS } from '../define-kind.ts';

export const cronJob = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
});
