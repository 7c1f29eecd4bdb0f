// What an expression of PromQL asks for.

import { parser } from '@prometheus-io/lezer-promql';

// The series that are selected, [{metric, labels: {name: [operator, value]}}], and the labels that results are grouped by.
export function questionsOf(expression) {
  const text = (node) => expression.slice(node.from, node.to);
  const selectors = [];
  const groupings = new Set();
  parser.parse(expression).iterate({
    enter({ name, type, node }) {
      if (type.isError) throw new Error(`no PromQL at ${node.from}: ${expression}`);
      if (name === 'LabelName' && node.parent.name === 'GroupingLabels') groupings.add(text(node));
      if (name !== 'VectorSelector') return;
      const labels = {};
      for (const matcher of node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []) {
        const [label, operator, value] = ['LabelName', 'MatchOp', 'StringLiteral'].map((part) =>
          text(matcher.getChild(part)),
        );
        labels[label] = [operator, JSON.parse(value)];
      }
      selectors.push({ metric: text(node.getChild('Identifier')), labels });
    },
  });
  return { selectors, groupings };
}
