#pragma once

namespace poold {

// How places or bytes are shared among those who take all they can get. Says whether one may have `own` (in all: what
// it has and asks for) while `left` of `all` are left to others.
//
// However many are greedy, the next one finds something, also if none of them ever gives anything back. After k greedy
// ones more than 1 / (k + 1) of all is left; after the first one it is five eighths. Proof: if the part x of all is
// left, and a greedy one takes as much as it may, then the part y is left with y + y² = x. If x is at least 1 / k, y is
// more than 1 / (k + 1).
constexpr bool IsFairShare(double own, double left, double all) { return own * all <= left * left; }

}  // namespace poold
