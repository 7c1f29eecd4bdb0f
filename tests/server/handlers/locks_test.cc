// What the locks and constraints are for. Two transactions are run one inside the other, step by step: with storage's
// unlocked look-ups (Find… instead of Lock…), and on a database without the constraint, the harm is done that
// races_test.cc shows not to happen.

#include <gtest/gtest.h>

#include "storage/accounts.h"
#include "storage/inventory.h"
#include "storage/phone_numbers.h"
#include "storage/pool_members.h"
#include "storage/pools.h"
#include "storage/postgres/failure.h"
#include "storage/sender_ids.h"
#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

using Body = std::function<void(storage::Transaction&)>;
using Kind = storage::StorageFailure::Kind;

class Locks : public testing::Test {
 protected:
  explicit Locks(const std::string& url = TestDatabaseUrl())
      : api_(Settings(), url), database_({.url = url, .connections = 4, .max_tries = 1, .observe = {}}) {}

  // In a transaction of its own, once. Inside another's body, on another connection.
  void Run(const Body& body) {
    database_.Run(storage::Database::Mode::kWrite, {std::chrono::steady_clock::now() + std::chrono::seconds(10), {}},
                  body);
  }

  std::optional<Kind> FailureOf(const Body& body) {
    try {
      Run(body);
      return std::nullopt;
    } catch (const storage::StorageFailure& failure) {
      return failure.kind();
    }
  }

  // Whether another transaction could lock the rows now; `for_what` such as "FOR UPDATE".
  bool IsFree(const std::string& select, const std::string& for_what) {
    const std::string sql = select + " " + for_what + " NOWAIT";
    return !FailureOf([&](storage::Transaction& tx) { tx.Run({"test", sql}); });
  }

  std::string PoolRow(const std::string& id) { return "SELECT FROM pools WHERE pool_id = '" + id + "'"; }
  std::string NumberRow(const std::string& id) {
    return "SELECT FROM phone_numbers WHERE phone_number_id = '" + id + "'";
  }

  void Associate(storage::Transaction& tx, const std::string& pool, const std::string& number) {
    storage::AddPhoneNumbersToPools(tx, {{api_.scope, pool, number}});
  }

  storage::PhoneNumberName NameOf(const std::string& id) { return {storage::PhoneNumberName::Kind::kId, id}; }

  Api api_;
  const storage::Scope& scope_ = api_.scope;

 private:
  storage::Database database_;
};

// On a database of its own, to be mistreated.
class LocksAndConstraints : public Locks {
 protected:
  LocksAndConstraints() : Locks(FreshDatabase(/*migrated=*/true)) {}

  void Drop(const std::string& table, const std::string& constraint) {
    const std::string sql = "ALTER TABLE " + table + " DROP CONSTRAINT " + constraint;
    Run([&](storage::Transaction& tx) { tx.Run({"test", sql}); });
  }
};

using PoolLock = Locks;
using WithoutThePoolLock = Locks;
using WithoutThePoolLockAndTheForeignKeys = LocksAndConstraints;
using NumberLock = Locks;
using WithoutTheNumberLock = Locks;
using WithoutTheNumberLockAndTheConstraints = LocksAndConstraints;
using SenderIdLocks = Locks;
using WithoutTheSenderIdLocks = Locks;
using AccountCount = Locks;
using InventoryLock = Locks;

// ---------------------------------------------------------------------------------------------------------------------
// The pool's row lock

TEST_F(PoolLock, HoldsOffEveryChangeButNoReader) {
  const std::string pool = GivenPool(api_);
  Run([&](storage::Transaction& tx) {
    ASSERT_TRUE(storage::LockPool(tx, scope_, pool));
    EXPECT_FALSE(IsFree(PoolRow(pool), "FOR NO KEY UPDATE"));
    EXPECT_TRUE(IsThere(api_, pool));
  });
  EXPECT_TRUE(IsFree(PoolRow(pool), "FOR UPDATE"));
}

TEST_F(WithoutThePoolLock, TwoDisassociationsTakeItsLastTwoNumbers) {
  const std::string first = GivenNumber(api_);
  const std::string second = GivenNumber(api_);
  const std::string pool = GivenPool(api_, first);
  GivenMember(api_, pool, second);

  Run([&](storage::Transaction& tx) {
    ASSERT_TRUE(storage::FindPool(tx, scope_, pool));
    ASSERT_EQ(storage::CountMembers(tx, scope_, pool).phone_numbers, 2);
    Run([&](storage::Transaction& other) {
      ASSERT_TRUE(storage::FindPool(other, scope_, pool));
      ASSERT_EQ(storage::CountMembers(other, scope_, pool).phone_numbers, 2);
      storage::RemovePhoneNumberFromPool(other, scope_, pool, second);
    });
    storage::RemovePhoneNumberFromPool(tx, scope_, pool, first);
  });
  EXPECT_THAT(MembersOf(api_, pool), IsEmpty());
}

TEST_F(WithoutThePoolLock, ANumberComesInWithSettingsThatThePoolHasNoMore) {
  GivenOptOutList(api_, "Offers");
  const std::string pool = GivenPool(api_);
  const std::string number = GivenNumber(api_);

  Run([&](storage::Transaction& tx) {
    ASSERT_EQ(storage::FindPool(tx, scope_, pool)->configuration.opt_out_list.name, "Default");
    Run([&](storage::Transaction& other) {
      storage::Pool changed = *storage::FindPool(other, scope_, pool);
      changed.configuration.opt_out_list.name = "Offers";
      storage::UpdatePool(other, scope_, changed);
    });
    Associate(tx, pool, number);
  });
  EXPECT_EQ(ThePool(api_, pool).opt_out_list_name(), "Offers");
  EXPECT_EQ(TheNumber(api_, number).opt_out_list_name(), "Default");
}

// ---------------------------------------------------------------------------------------------------------------------
// A pool that goes while something comes in: the foreign keys are the last line

TEST_F(WithoutThePoolLock, TheForeignKeyRefusesAMemberOfAPoolThatIsGone) {
  const std::string pool = GivenPool(api_);
  const std::string number = GivenNumber(api_);
  EXPECT_EQ(FailureOf([&](storage::Transaction& tx) {
              ASSERT_TRUE(storage::FindPool(tx, scope_, pool));
              Run([&](storage::Transaction& other) {
                storage::RemoveAllFromPool(other, scope_, pool);
                storage::DeletePool(other, scope_, pool);
              });
              Associate(tx, pool, number);
            }),
            Kind::kBug);
  EXPECT_FALSE(TheNumber(api_, number).has_pool_id());
}

TEST_F(WithoutThePoolLockAndTheForeignKeys, ANumberIsInAPoolThatIsGone) {
  Drop("pool_members", "member_belongs_to_a_pool");
  Drop("phone_numbers", "phone_number_is_in_a_pool");
  const std::string pool = GivenPool(api_);
  const std::string number = GivenNumber(api_);
  Run([&](storage::Transaction& tx) {
    ASSERT_TRUE(storage::FindPool(tx, scope_, pool));
    Run([&](storage::Transaction& other) {
      storage::RemoveAllFromPool(other, scope_, pool);
      storage::DeletePool(other, scope_, pool);
    });
    Associate(tx, pool, number);
  });
  EXPECT_FALSE(IsThere(api_, pool));
  EXPECT_EQ(TheNumber(api_, number).pool_id(), pool);
}

// ---------------------------------------------------------------------------------------------------------------------
// The number's row lock, and one_pool_per_phone_number behind it

TEST_F(NumberLock, HoldsOffEveryChangeButNoReader) {
  const std::string number = GivenNumber(api_);
  const std::string digits = TheNumber(api_, number).phone_number().substr(1);
  for (const storage::PhoneNumberName& name :
       {NameOf(number), storage::PhoneNumberName{storage::PhoneNumberName::Kind::kDigits, digits}}) {
    Run([&](storage::Transaction& tx) {
      ASSERT_TRUE(storage::LockPhoneNumber(tx, scope_, name));
      EXPECT_FALSE(IsFree(NumberRow(number), "FOR NO KEY UPDATE"));
      EXPECT_EQ(TheNumber(api_, number).phone_number_id(), number);
    });
  }
}

TEST_F(WithoutTheNumberLock, TheConstraintRefusesASecondPool) {
  const std::string pool = GivenPool(api_);
  const std::string other_pool = GivenPool(api_);
  const std::string number = GivenNumber(api_);
  EXPECT_EQ(FailureOf([&](storage::Transaction& tx) {
              ASSERT_FALSE(storage::FindPhoneNumber(tx, scope_, NameOf(number))->pool_id);
              Run([&](storage::Transaction& other) {
                ASSERT_FALSE(storage::FindPhoneNumber(other, scope_, NameOf(number))->pool_id);
                Associate(other, other_pool, number);
              });
              Associate(tx, pool, number);
            }),
            Kind::kContended);  // a handler's body would be run again, and see it
  EXPECT_THAT(MembersOf(api_, other_pool), Contains(number));
  EXPECT_EQ(TheNumber(api_, number).pool_id(), other_pool);
}

TEST_F(WithoutTheNumberLockAndTheConstraints, ANumberIsInTwoPools) {
  Drop("pool_members", "one_pool_per_phone_number");
  Drop("pool_members", "member_agrees_with_its_phone_number");
  const std::string pool = GivenPool(api_);
  const std::string other_pool = GivenPool(api_);
  const std::string number = GivenNumber(api_);
  Run([&](storage::Transaction& tx) {
    ASSERT_FALSE(storage::FindPhoneNumber(tx, scope_, NameOf(number))->pool_id);
    Run([&](storage::Transaction& other) { Associate(other, other_pool, number); });
    Associate(tx, pool, number);
  });
  EXPECT_THAT(MembersOf(api_, pool), Contains(number));
  EXPECT_THAT(MembersOf(api_, other_pool), Contains(number));
}

// ---------------------------------------------------------------------------------------------------------------------
// The sender ID's row locks, and member_names_a_sender_id behind them

TEST_F(SenderIdLocks, LetPoolsTakeItAtOnceAndHoldOffItsRelease) {
  GivenSenderId(api_, "EXAMPLECO");
  const std::string row = "SELECT FROM sender_ids WHERE account_id = '" + api_.account() + "'";
  const storage::SenderIdName name{"EXAMPLECO", "GB"};
  Run([&](storage::Transaction& tx) {
    ASSERT_TRUE(storage::LockSenderId(tx, scope_, name, storage::SenderIdLock::kForUse));
    Run([&](storage::Transaction& other) {
      EXPECT_TRUE(storage::LockSenderId(other, scope_, name, storage::SenderIdLock::kForUse));
    });
    EXPECT_FALSE(IsFree(row, "FOR UPDATE"));
  });
  Run([&](storage::Transaction& tx) {
    ASSERT_TRUE(storage::LockSenderId(tx, scope_, name, storage::SenderIdLock::kForChange));
    EXPECT_FALSE(IsFree(row, "FOR KEY SHARE"));
  });
}

TEST_F(WithoutTheSenderIdLocks, TheForeignKeyRefusesItsReleaseFromUnderAPool) {
  const std::string pool = GivenPool(api_);
  GivenSenderId(api_, "EXAMPLECO");
  const storage::SenderIdName name{"EXAMPLECO", "GB"};
  const Body release = [&](storage::Transaction& tx) {
    ASSERT_TRUE(storage::FindSenderId(tx, scope_, name));
    ASSERT_FALSE(storage::IsSenderIdInAnyPool(tx, scope_, name));
    Run([&](storage::Transaction& other) { storage::AddSenderIdsToPools(other, {{scope_, pool, name}}); });
    storage::DeleteSenderId(tx, scope_, name);
  };
  EXPECT_EQ(FailureOf(release), Kind::kBug);
  EXPECT_THAT(MembersOf(api_, pool), Contains("EXAMPLECO"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Counts and the inventory

TEST_F(AccountCount, HoldsOffOtherCountsUntilTheEnd) {
  GivenPool(api_);
  const std::string row = "SELECT FROM accounts WHERE account_id = '" + api_.account() + "'";
  Run([&](storage::Transaction& tx) {
    storage::CountOne(tx, scope_, storage::Counter::kPools, 2, [] { FAIL() << "there is room"; });
    tx.RunWaiting();
    EXPECT_FALSE(IsFree(row, "FOR NO KEY UPDATE"));
    EXPECT_TRUE(IsFree(row, "FOR KEY SHARE"));  // what comes new into the account needs no more than this
  });
  bool full = false;
  Run([&](storage::Transaction& tx) {
    storage::CountOne(tx, scope_, storage::Counter::kPools, 2, [&full] { full = true; });
  });
  EXPECT_TRUE(full);
}

TEST_F(InventoryLock, MakesOthersPassTheNumberOverAndNotWait) {
  const storage::InventoryWish wish{"US", "LONG_CODE", {"SMS"}, {}, /*fictional=*/true};
  std::string first;
  std::string second;
  Run([&](storage::Transaction& tx) {
    first = storage::TakeNumber(tx, wish, "111122223333")->phone_number;
    Run([&](storage::Transaction& other) { second = storage::TakeNumber(other, wish, "444455556666")->phone_number; });
  });
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace poold
