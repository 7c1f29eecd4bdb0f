#include "storage/postgres/transaction.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>

#include "storage/postgres/failure.h"
#include "storage/postgres/session.h"

namespace poold::storage {
namespace {

using Kind = StorageFailure::Kind;

// How many wait at most: they and their answers are kept in memory. (However large they are, nobody gets stuck: libpq
// takes in answers while it cannot send.)
constexpr std::size_t kMostWaiting = 32;
constexpr std::size_t kUsuallyWaiting = 8;

constexpr std::string_view kHexDigits = "0123456789abcdef";

void RefuseNul(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    throw StorageFailure(Kind::kBug, "a text parameter holds a NUL character, which PostgreSQL cannot store");
  }
}

void AppendDigits(std::string& text, long value, int digits) {
  text.append(static_cast<std::size_t>(digits), '0');
  for (auto digit = text.rbegin(); value > 0; value /= 10) *digit++ = static_cast<char>('0' + value % 10);
}

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// Reads from the front of a text, and remembers whether all of it was as expected.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }

  bool AtDigit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Expect(char c) { ok_ = Take(c) && ok_; }

  // The digits that follow: at least `least`, and no more than `most` of them.
  int Digits(int least, int most) {
    int value = 0;
    int count = 0;
    for (; count < most && AtDigit(); ++count) {
      value = 10 * value + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    ok_ = ok_ && count >= least;
    return value;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// 2024-05-06 07:08:09.123456+00, +05:30 or +05:30:15 behind it if the session isn't in UTC. `infinity` and years before
// the year 1 don't read: the API has none.
bool ParseTime(std::string_view text, Time& time) {
  using std::chrono::days, std::chrono::hours, std::chrono::minutes, std::chrono::seconds, std::chrono::milliseconds;
  Scanner scan(text);
  const int year = scan.Digits(4, 5);
  scan.Expect('-');
  const int month = scan.Digits(2, 2);
  scan.Expect('-');
  const int day = scan.Digits(2, 2);
  scan.Expect(' ');
  const int hour = scan.Digits(2, 2);
  scan.Expect(':');
  const int minute = scan.Digits(2, 2);
  scan.Expect(':');
  const int second = scan.Digits(2, 2);
  int milli = 0;
  if (scan.Take('.')) {
    // PostgreSQL leaves off trailing zeros; up to six digits, of which three count.
    for (int digit = 0, scale = 100; digit < 6 && scan.AtDigit(); ++digit, scale /= 10) {
      milli += scale * scan.Digits(1, 1);
    }
  }
  const bool west = scan.Take('-');
  if (!west) scan.Expect('+');
  seconds offset = hours(scan.Digits(2, 2));
  if (scan.Take(':')) offset += minutes(scan.Digits(2, 2));
  if (scan.Take(':')) offset += seconds(scan.Digits(2, 2));
  if (!scan.ok() || !scan.AtEnd()) return false;

  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  time = Time(std::chrono::sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) + milliseconds(milli) -
         (west ? -offset : offset);
  return true;
}

bool ParseBytes(std::string_view text, std::string& bytes) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return false;
  bytes.clear();
  bytes.reserve(text.size() / 2 - 1);
  for (std::size_t i = 2; i < text.size(); i += 2) {
    unsigned value = 0;
    const char* const pair = text.data() + i;
    const auto [end, error] = std::from_chars(pair, pair + 2, value, 16);
    if (error != std::errc() || end != pair + 2) return false;
    bytes += static_cast<char>(value);
  }
  return true;
}

// What PostgreSQL puts quotes around, besides commas, empty texts and the word NULL.
bool IsQuotedInArrays(char c) { return c == '{' || c == '}' || c == '"' || c == '\\'; }

// A one-dimensional array: {plain,"with \"quotes\"",NULL,"NULL"}. Gives each element to `add`, NULL as nullopt.
template <typename Add>
bool ParseArray(std::string_view text, Add add) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
  text = text.substr(1, text.size() - 2);
  if (text.empty()) return true;
  for (;;) {
    std::size_t i = 1;
    if (text.starts_with('"')) {
      std::string element;
      for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
        if (i < text.size()) element += text[i];
      }
      if (i >= text.size()) return false;
      ++i;
      add(std::move(element));
    } else {
      i = std::min(text.find(','), text.size());
      const std::string_view element = text.substr(0, i);
      if (std::ranges::any_of(element, IsQuotedInArrays)) return false;  // several dimensions
      if (element == "NULL") {
        add(std::nullopt);
      } else {
        add(std::string(element));
      }
    }
    text.remove_prefix(i);
    if (text.empty()) return true;
    if (text.front() != ',') return false;
    text.remove_prefix(1);
  }
}

}  // namespace

void Params::Append(const Params& further) {
  for (const std::size_t start : further.starts_) starts_.push_back(start == kNull ? kNull : text_.size() + start);
  text_ += further.text_;
}

std::vector<const char*> Params::values() const {
  std::vector<const char*> values;
  values.reserve(starts_.size());
  for (const std::size_t start : starts_) values.push_back(start == kNull ? nullptr : text_.data() + start);
  return values;
}

// Most values are ids, accounts and the like.
void Params::Reserve(std::size_t values) {
  constexpr std::size_t kUsualLength = 40;
  starts_.reserve(values);
  text_.reserve(values * kUsualLength);
}

void Params::Write(std::string_view text) {
  RefuseNul(text);
  text_ += text;
}

// Always UTC and said so, whatever the session's time zone is.
void Params::Write(Time value) {
  using std::chrono::floor;
  const auto day = floor<std::chrono::days>(value);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(value - day);
  const int year = static_cast<int>(date.year());
  if (year < 1) throw StorageFailure(Kind::kBug, "a time parameter is before the year 1");
  AppendDigits(text_, year, year < 10000 ? 4 : 5);
  AppendDigits(text_ += '-', static_cast<unsigned>(date.month()), 2);
  AppendDigits(text_ += '-', static_cast<unsigned>(date.day()), 2);
  AppendDigits(text_ += ' ', time.hours().count(), 2);
  AppendDigits(text_ += ':', time.minutes().count(), 2);
  AppendDigits(text_ += ':', time.seconds().count(), 2);
  AppendDigits(text_ += '.', time.subseconds().count(), 3);
  text_ += "+00";
}

void Params::Write(const Bytes& value) {
  text_ += "\\x";
  const std::size_t start = text_.size();
  text_.resize(start + 2 * value.data.size());
  char* digit = text_.data() + start;
  for (const char c : value.data) {
    const auto byte = static_cast<unsigned char>(c);
    *digit++ = kHexDigits[byte >> 4];
    *digit++ = kHexDigits[byte & 15];
  }
}

void Params::WriteEscaped(std::string_view text) {
  RefuseNul(text);
  // Two searches cost less than a look at each character, and hardly any text needs more.
  if (text.find('"') == std::string_view::npos && text.find('\\') == std::string_view::npos) {
    text_ += text;
    return;
  }
  for (const char c : text) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
}

std::size_t Rows::size() const { return data_ ? static_cast<std::size_t>(PQntuples(data_->result.get())) : 0; }

std::int64_t Rows::affected() const {
  std::int64_t count = 0;
  // For a SELECT libpq counts the rows that it returns.
  if (data_ && !std::string_view(PQcmdStatus(data_->result.get())).starts_with("SELECT")) {
    ParseNumber(std::string_view(PQcmdTuples(data_->result.get())), count);
  }
  return count;
}

namespace {

[[noreturn]] void Unreadable(const PGresult* result, int column, std::string_view why) {
  const char* name = PQfname(result, column);
  throw StorageFailure(Kind::kBug, "column " + std::to_string(column) + " (" + (name == nullptr ? "none" : name) +
                                       "): " + std::string(why));
}

}  // namespace

void Row::RequireColumns(int count) const {
  if (index_ >= rows_->size()) throw StorageFailure(Kind::kBug, "there is no such row");
  const int there = PQnfields(rows_->data_->result.get());
  if (count > there) Unreadable(rows_->data_->result.get(), there, "there is no such column");
}

std::optional<std::string_view> Row::Column(int column) const {
  const PGresult* const result = rows_->data_->result.get();
  const int row = static_cast<int>(index_);
  const auto length = static_cast<std::size_t>(PQgetlength(result, row, column));
  if (length == 0 && PQgetisnull(result, row, column) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result, row, column), length);
}

std::string_view Row::Required(int column) const {
  const auto text = Column(column);
  if (!text) Unreadable(rows_->data_->result.get(), column, "NULL where a value is needed");
  return *text;
}

void Row::Parse(int /*column*/, std::string_view text, std::string& field) const { field = text; }

void Row::Parse(int column, std::string_view text, bool& field) const {
  if (text != "t" && text != "f") Unreadable(rows_->data_->result.get(), column, "not a boolean");
  field = text == "t";
}

void Row::Parse(int column, std::string_view text, int& field) const {
  if (!ParseNumber(text, field)) Unreadable(rows_->data_->result.get(), column, "not an int");
}

void Row::Parse(int column, std::string_view text, std::int64_t& field) const {
  if (!ParseNumber(text, field)) Unreadable(rows_->data_->result.get(), column, "not an int64");
}

void Row::Parse(int column, std::string_view text, Time& field) const {
  if (!ParseTime(text, field)) Unreadable(rows_->data_->result.get(), column, "not a timestamptz");
}

void Row::Parse(int column, std::string_view text, Bytes& field) const {
  if (!ParseBytes(text, field.data)) Unreadable(rows_->data_->result.get(), column, "not a bytea");
}

void Row::Parse(int column, std::string_view text, std::vector<std::optional<std::string>>& field) const {
  field.clear();
  const auto add = [&](std::optional<std::string> element) { field.push_back(std::move(element)); };
  if (!ParseArray(text, add)) Unreadable(rows_->data_->result.get(), column, "not a text[]");
}

void Row::Parse(int column, std::string_view text, std::vector<std::string>& field) const {
  field.clear();
  field.reserve(static_cast<std::size_t>(std::ranges::count(text, ',')) + 1);
  const auto add = [&](std::optional<std::string> element) {
    if (!element) Unreadable(rows_->data_->result.get(), column, "NULL inside an array where a value is needed");
    field.push_back(*std::move(element));
  };
  if (!ParseArray(text, add)) Unreadable(rows_->data_->result.get(), column, "not a text[]");
}

Transaction::~Transaction() = default;

Rows Transaction::Run(const Statement& statement, const Params& params) {
  if (state_.failure) throw *state_.failure;
  if (!state_.waiting.empty()) {
    Rows answer;
    Wait(statement, params, [&answer](const Rows& rows) { answer = rows; });
    RunWaiting();
    return answer;
  }
  try {
    return state_.session.Run(statement, params);
  } catch (const StorageFailure& failure) {
    state_.failure = failure;
    throw;
  }
}

void Transaction::Later(const Statement& statement, Params params, std::function<void(const Rows&)> then) {
  if (state_.failure) throw *state_.failure;
  if (!state_.can_wait) {
    const Rows rows = Run(statement, params);
    if (then) then(rows);
    return;
  }
  Wait(statement, std::move(params), std::move(then));
  if (state_.waiting.size() >= kMostWaiting) RunWaiting();
}

void Transaction::Wait(const Statement& statement, Params params, std::function<void(const Rows&)> then) {
  state_.waiting.reserve(kUsuallyWaiting);
  state_.waiting.push_back({.statement = statement,
                            .params = std::move(params),
                            .then = std::move(then),
                            .text = std::string(statement.composed ? statement.sql : "")});
}

void Transaction::RunWaiting() {
  if (state_.failure) throw *state_.failure;
  if (state_.waiting.empty()) return;
  const std::vector<Waiting> statements = std::exchange(state_.waiting, {});
  Session::Together together = state_.session.RunTogether(statements);
  state_.failure = together.failure;
  // In order, as if each had been run by itself: what the first of them refuses counts, not what went wrong after it.
  for (std::size_t i = 0; i < together.answers.size(); ++i) {
    if (statements[i].then) statements[i].then(together.answers[i]);
  }
  if (together.failure) throw *together.failure;
}

void LimitLockWaits(Transaction& tx, std::chrono::milliseconds longest) {
  static constexpr Statement kLimit{"transaction.limit_lock_waits", "SELECT set_config('lock_timeout', $1, true)"};
  tx.Later(kLimit, Params(longest.count()));
}

void LimitStatements(Transaction& tx, std::chrono::milliseconds longest) {
  static constexpr Statement kLimit{"transaction.limit_statements", "SELECT set_config('statement_timeout', $1, true)"};
  tx.Later(kLimit, Params(longest.count()));
}

}  // namespace poold::storage
