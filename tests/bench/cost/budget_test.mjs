import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetOf, compare } from './budget.mjs';
import { perCall, readProfile, shortName } from './profile.mjs';

const line = (own) => ({
  instructions: Object.values(own).reduce((sum, each) => sum + each),
  functions: Object.fromEntries(Object.entries(own).map(([name, each]) => [name, { own: each, all: each, self: each }])),
});
const budget = budgetOf(line({ CheckRules: 60_000, Transact: 39_900, Trace: 100 }));

test('a budget names the functions that matter', () => {
  assert.deepEqual(budget, { instructions: 100_000, functions: { CheckRules: 60_000, Transact: 39_900 } });
});

test('a line that costs 3 % more is within its budget', () => {
  assert.equal(compare(budget, line({ CheckRules: 63_000, Transact: 40_000 })).verdict, 'within');
});

test('a line that costs 5 % more is over it, and the functions that grew are named', () => {
  assert.deepEqual(compare(budget, line({ CheckRules: 62_000, Transact: 40_000, Added: 3_000 })), {
    verdict: 'over',
    grown: [
      { name: 'Added', from: 0, to: 3_000 },
      { name: 'CheckRules', from: 60_000, to: 62_000 },
    ],
  });
});

test('a line that costs 5 % less is under it', () => {
  assert.equal(compare(budget, line({ CheckRules: 55_000, Transact: 40_000 })).verdict, 'under');
});

test('a line without a budget has no verdict', () => {
  assert.equal(compare(undefined, line({ CheckRules: 1 })).verdict, 'none');
});

test('names of functions are short', () => {
  for (const [long, short] of [
    ['poold::Pipeline::Start(poold::Call&) [clone .cold]', 'poold::Pipeline::Start'],
    ["poold::Hex[abi:cxx11](char const*)'2", 'poold::Hex'],
    ['poold::Executor::queued() const', 'poold::Executor::queued'],
    [
      'std::optional<poold::Error> poold::(anonymous namespace)::Settle<6ul>(poold::Call&, void (* const (&) [6ul])(poold::Call&))',
      'poold::Settle',
    ],
    [
      'poold::Pipeline::Pipeline(poold::Settings const&)::{lambda(std::span<poold::Call* const, 1ul>)#4}::operator()(std::span<poold::Call* const, 1ul>) const',
      'poold::Pipeline::Pipeline::lambda#4::operator()',
    ],
    ['std::vector<poold::Call*, std::allocator<poold::Call*> >::push_back(poold::Call*&&)', 'std::vector::push_back'],
  ]) {
    assert.equal(shortName(long), short);
  }
});

// Start itself executes 10, a library that it calls 20, of which 5 are another function of ours that the library calls.
const profile = (times) =>
  readProfile(
    `fn=poold::Start(poold::Call&)\n0 ${10 * times}\ncfn=std::sort()\ncalls=1 0\n0 ${20 * times}\n\n` +
      `fn=std::sort()\n0 ${15 * times}\ncfn=poold::Less(int)\ncalls=1 0\n0 ${5 * times}\n\n` +
      `fn=poold::Less(int)\n0 ${5 * times}\n\ntotals: ${30 * times}\n`,
  );

test('what libraries do counts for the function of ours that calls them', () => {
  assert.deepEqual(perCall(profile(100), profile(200), 100), {
    instructions: 30,
    functions: { Start: { all: 30, own: 25, self: 10 }, Less: { all: 5, own: 5, self: 5 } },
  });
});
