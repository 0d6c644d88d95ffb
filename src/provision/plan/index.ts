export { makePlan } from './make-plan.ts';
export { planText } from './plan.ts';
