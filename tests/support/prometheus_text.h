#pragma once

#include <map>
#include <set>
#include <sstream>
#include <string>

namespace poold {

// What a server answered to GET /metrics.
struct PrometheusText {
  std::map<std::string, double> samples;     // by name and labels as they are written: `poold_ready` or `a{b="c"}`
  std::map<std::string, std::string> types;  // of each family: counter, gauge, histogram

  explicit PrometheusText(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string first, second, name, type;
      if (line.starts_with("# TYPE ")) {
        words >> first >> second >> name >> type;
        types[name] = type;
      } else if (!line.starts_with("#") && !line.empty()) {
        const std::size_t space = line.rfind(' ');
        samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
      }
    }
  }

  // 0 for what is not there.
  double operator[](const std::string& sample) const {
    const auto found = samples.find(sample);
    return found == samples.end() ? 0 : found->second;
  }

  std::set<std::string> families() const {
    std::set<std::string> names;
    for (const auto& [name, type] : types) names.insert(name);
    return names;
  }
};

}  // namespace poold
