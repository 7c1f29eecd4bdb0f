# Turns migrations/NNNN_name.sql into one C++ source that defines poold::storage::BuiltInMigrations() (storage/postgres/migrate.h), in
# the order of their numbers. Run by storage/CMakeLists.txt as
#   cmake -DMIGRATIONS="a.sql;b.sql" -DOUTPUT=built_in_migrations.cc -P embed_migrations.cmake
# The SQL is written byte by byte, so that neither quotes nor length can ever matter.
cmake_minimum_required(VERSION 3.25)

list(SORT MIGRATIONS COMPARE NATURAL)
set(texts "")
set(rows "")
set(count 0)
set(previous "")
foreach(path IN LISTS MIGRATIONS)
  get_filename_component(file ${path} NAME)
  if(NOT file MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.sql$")
    message(FATAL_ERROR "migrations/${file}: a migration is called NNNN_name.sql (four digits, lower case)")
  endif()
  set(number ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  if(number STREQUAL previous)
    message(FATAL_ERROR "migrations/${file}: number ${number} is taken already")
  endif()
  set(previous ${number})

  file(READ ${path} hex HEX)
  string(LENGTH "${hex}" size)
  math(EXPR size "${size} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "^0+([0-9])" "\\1" plain_number ${number})  # a leading zero would make it octal
  string(APPEND texts "constexpr unsigned char kSql${number}[] = {${bytes}0x00};\n")
  string(APPEND rows
         "        {.number = ${plain_number}, .name = \"${name}\", .sql = Text(kSql${number}, ${size})},\n")
  math(EXPR count "${count} + 1")
endforeach()

if(count EQUAL 0)
  set(body "  return {};\n")
else()
  set(body "  static const std::array<Migration, ${count}> kMigrations = {{\n${rows}  }};\n  return kMigrations;\n")
endif()

file(WRITE ${OUTPUT} "// Made from migrations/*.sql by storage/embed_migrations.cmake.
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include \"storage/postgres/migrate.h\"

namespace poold::storage {
namespace {

${texts}
[[maybe_unused]] std::string_view Text(const unsigned char* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::span<const Migration> BuiltInMigrations() {
${body}}

}  // namespace poold::storage
")
