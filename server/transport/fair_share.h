#pragma once

namespace poold {

// How places or bytes are shared among those who take all they can get. Says whether one may have `own` (in all: what
// it has and asks for) while `left` of `all` are left to others.
//
// However many are greedy, the next one finds something, also if none of them ever gives anything back: k of them leave
// more than one part of k + 1. The first one leaves five eighths. (Whoever finds the part x leaves the part y with
// y + y² = x; and if x is at least 1 / k, then y is at least 1 / (k + 1).)
constexpr bool IsFairShare(double own, double left, double all) { return own * all <= left * left; }

}  // namespace poold
