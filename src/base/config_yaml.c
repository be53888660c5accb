/* YAML to settings, over libyaml's document API: a document is a table of nodes, each with its place in the
 * file. */
#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
  yaml_document_t document;
  bool *visited; /* by node: reached already, so reached again by an alias */
  size_t *line;  /* by setting: line of its key, 0 while not seen */
  dsm_config *config;
  dsm__mistakes *mistakes;
} reader;

#define AT(mark) (mark).line + 1, (mark).column + 1

static const char *scalar_text(const yaml_node_t *node) {
  return (const char *)node->data.scalar.value;
}

static bool is_scalar(const yaml_node_t *node) {
  return node->type == YAML_SCALAR_NODE;
}

static bool is_plain(const yaml_node_t *node) {
  return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_empty(const yaml_node_t *node) {
  return is_scalar(node) && is_plain(node) && node->data.scalar.length == 0;
}

static const char *node_kind_text(const yaml_node_t *node) {
  return is_scalar(node) ? "a single value" : node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping";
}

/* The node of an index, or NULL after a message when it was reached before. */
static const yaml_node_t *visit(reader *r, int index, yaml_mark_t place, const char *what) {
  bool *visited = &r->visited[index - 1];
  if (*visited) {
    dsm__mistake(r->mistakes, AT(place), "'%s' is given by an alias (*); write the value out", what);
    return NULL;
  }
  *visited = true;
  return yaml_document_get_node(&r->document, index);
}

static void read_scalar(reader *r, const dsm__setting *setting, const yaml_node_t *node, size_t index) {
  char why[512];
  if (node->data.scalar.length != strlen(scalar_text(node))) {
    dsm__mistake(r->mistakes, AT(node->start_mark), "%s: contains a zero byte", setting->key);
  } else if (!dsm__scalar_read(setting, scalar_text(node), !is_plain(node), index, r->config, why,
                               sizeof why)) {
    dsm__mistake(r->mistakes, AT(node->start_mark), "%s: %s", setting->key, why);
  }
}

static void read_list(reader *r, const dsm__setting *setting, const yaml_node_t *node) {
  const yaml_node_item_t *items = node->data.sequence.items.start;
  size_t count = (size_t)(node->data.sequence.items.top - items);
  if (count > dsm__list_room(setting)) {
    dsm__mistake(r->mistakes, AT(node->start_mark), "%s: has %zu values; it can have %zu at most",
                 setting->key, count, dsm__list_room(setting));
    return;
  }
  if (count == 0 && setting->flags & DSM__FILLED) {
    dsm__mistake(r->mistakes, AT(node->start_mark), "%s: has 0 values; it needs 1 to %zu", setting->key,
                 dsm__list_room(setting));
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const yaml_node_t *item = visit(r, items[i], node->start_mark, setting->key);
    if (!item) return;
    if (is_scalar(item))
      read_scalar(r, setting, item, i);
    else
      dsm__mistake(r->mistakes, AT(item->start_mark), "%s: expected %s, got %s", setting->key,
                   setting->kind == DSM__INT_LIST ? "an integer" : "a number", node_kind_text(item));
  }
  dsm__list_end(setting, count, r->config);
}

static void read_value(reader *r, const dsm__setting *setting, const yaml_node_t *node) {
  bool list = dsm__is_list(setting->kind);
  if (is_scalar(node)) {
    read_scalar(r, setting, node, 0);
    if (list) dsm__list_end(setting, 1, r->config);
  } else if (list && node->type == YAML_SEQUENCE_NODE) {
    read_list(r, setting, node);
  } else {
    bool colon = setting->kind == DSM__TEXT && node->type == YAML_MAPPING_NODE;
    dsm__mistake(r->mistakes, AT(node->start_mark), "%s: expected %s, got %s%s", setting->key,
                 dsm__kind_text(setting->kind), node_kind_text(node),
                 colon ? "; a text with a colon needs quotes" : "");
  }
}

static void unknown_key(reader *r, const char *section, const char *leaf, yaml_mark_t place) {
  char shown[80];
  const dsm__setting *nearest = dsm__nearest_key(section, leaf);
  dsm__shown(leaf, shown);
  if (nearest)
    dsm__mistake(r->mistakes, AT(place), "unknown key '%s.%s'; did you mean '%s'?", section, shown,
                 nearest->key);
  else
    dsm__mistake(r->mistakes, AT(place), "unknown key '%s.%s'; dsmpi train --help lists the keys", section,
                 shown);
}

static void read_section(reader *r, const char *section, const yaml_node_t *node) {
  for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
    const yaml_node_t *key = yaml_document_get_node(&r->document, p->key);
    char name[128] = "";
    if (!is_scalar(key)) {
      dsm__mistake(r->mistakes, AT(key->start_mark), "expected the name of a key of '%s', got %s", section,
                   node_kind_text(key));
      continue;
    }
    snprintf(name, sizeof name, "%s.%s", section, scalar_text(key));
    const dsm__setting *setting = dsm__schema_find(name);
    if (!setting) {
      unknown_key(r, section, scalar_text(key), key->start_mark);
      continue;
    }
    size_t *line = &r->line[setting - dsm__schema];
    if (*line > 0) {
      dsm__mistake(r->mistakes, AT(key->start_mark), "duplicate key '%s'; first given on line %zu", name,
                   *line);
      continue;
    }
    *line = key->start_mark.line + 1;
    const yaml_node_t *value = visit(r, p->value, key->start_mark, name);
    if (value) read_value(r, setting, value);
  }
}

static const char *find_section(const char *name) {
  for (size_t i = 0; dsm__sections[i]; i++)
    if (strcmp(dsm__sections[i], name) == 0) return dsm__sections[i];
  return NULL;
}

static void unknown_section(reader *r, const char *name, yaml_mark_t place) {
  char shown[80];
  const dsm__setting *setting = dsm__schema_find(name);
  const char *nearest = dsm_nearest_word(name, dsm__sections);
  dsm__shown(name, shown);
  if (setting)
    dsm__mistake(r->mistakes, AT(place), "unknown section '%s'; write '%s:' indented below '%.*s:'", shown,
                 dsm__leaf(setting), (int)(dsm__leaf(setting) - setting->key - 1), setting->key);
  else if (nearest)
    dsm__mistake(r->mistakes, AT(place), "unknown section '%s'; did you mean '%s'?", shown, nearest);
  else if ((setting = dsm__nearest_key(NULL, name)) != NULL)
    dsm__mistake(r->mistakes, AT(place), "unknown section '%s'; did you mean the key '%s'?", shown,
                 setting->key);
  else
    dsm__mistake(r->mistakes, AT(place),
                 "unknown section '%s'; known: data, process, model, objective, optimizer, train, sampler",
                 shown);
}

static void read_sections(reader *r, const yaml_node_t *root) {
  size_t line[16] = {0}; /* by section */
  if (is_empty(root)) return;
  if (root->type != YAML_MAPPING_NODE) {
    dsm__mistake(r->mistakes, AT(root->start_mark), "expected sections such as 'train:', got %s",
                 node_kind_text(root));
    return;
  }
  for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
    const yaml_node_t *key = yaml_document_get_node(&r->document, p->key);
    if (!is_scalar(key)) {
      dsm__mistake(r->mistakes, AT(key->start_mark), "expected the name of a section, got %s",
                   node_kind_text(key));
      continue;
    }
    const char *section = find_section(scalar_text(key));
    if (!section) {
      unknown_section(r, scalar_text(key), key->start_mark);
      continue;
    }
    size_t number = 0;
    while (dsm__sections[number] != section) number++;
    if (line[number] > 0)
      dsm__mistake(r->mistakes, AT(key->start_mark), "duplicate section '%s'; first given on line %zu",
                   section, line[number]);
    else
      line[number] = key->start_mark.line + 1;
    const yaml_node_t *value = visit(r, p->value, key->start_mark, section);
    if (!value || is_empty(value)) continue;
    if (value->type == YAML_MAPPING_NODE)
      read_section(r, section, value);
    else
      dsm__mistake(r->mistakes, AT(value->start_mark), "section '%s' must hold lines 'key: value', got %s",
                   section, node_kind_text(value));
  }
}

/* ---- mistakes libyaml finds ---------------------------------------------------------------------------- */

static bool indented_with_tab(const char *text, size_t length, size_t line) {
  const char *end = text + length;
  for (; line > 0 && text < end; text++) line -= *text == '\n';
  while (text < end && *text == ' ') text++;
  return text < end && *text == '\t';
}

static void syntax_mistake(const yaml_parser_t *parser, const char *text, size_t length,
                           dsm__mistakes *mistakes) {
  yaml_mark_t place = parser->problem_mark;
  const char *problem = parser->problem ? parser->problem : "not YAML";
  if (parser->error == YAML_READER_ERROR) { /* it knows the byte only */
    place = (yaml_mark_t){0};
    for (size_t i = 0; i < parser->problem_offset && i < length; i++) {
      place.column = text[i] == '\n' ? 0 : place.column + 1;
      place.line += text[i] == '\n';
    }
    dsm__mistake(mistakes, AT(place), "%s; a configuration is a text in UTF-8", problem);
  } else if (parser->error == YAML_MEMORY_ERROR) {
    dsm__mistake(mistakes, 1, 1, "not enough memory to read it");
  } else if (indented_with_tab(text, length, place.line)) {
    dsm__mistake(mistakes, AT(place), "the line is indented with a tab; YAML wants spaces");
  } else if (parser->context && parser->error != YAML_COMPOSER_ERROR) {
    dsm__mistake(mistakes, AT(place), "%s (%s that starts on line %zu)", problem, parser->context,
                 parser->context_mark.line + 1);
  } else {
    dsm__mistake(mistakes, AT(place), "%s", problem);
  }
}

static void refuse_second_document(yaml_parser_t *parser, const char *text, size_t length,
                                   dsm__mistakes *mistakes) {
  yaml_document_t document;
  if (!yaml_parser_load(parser, &document)) {
    syntax_mistake(parser, text, length, mistakes);
    return;
  }
  const yaml_node_t *root = yaml_document_get_root_node(&document);
  if (root)
    dsm__mistake(mistakes, AT(root->start_mark),
                 "a second document begins here (after '---'); a configuration is one");
  yaml_document_delete(&document);
}

void dsm__yaml_read(const char *text, size_t length, const dsm__setting *setting, dsm_config *config,
                    dsm__mistakes *mistakes) {
  yaml_parser_t parser;
  reader r = {.config = config, .mistakes = mistakes};
  bool ready = yaml_parser_initialize(&parser);
  if (!ready) {
    dsm__mistake(mistakes, 1, 1, "not enough memory to read it");
    return;
  }
  yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
  if (!yaml_parser_load(&parser, &r.document)) {
    syntax_mistake(&parser, text, length, mistakes);
    yaml_parser_delete(&parser);
    return;
  }
  size_t nodes = (size_t)(r.document.nodes.top - r.document.nodes.start);
  r.visited = calloc(nodes + 1, sizeof *r.visited);
  r.line = calloc(dsm__schema_count, sizeof *r.line);
  const yaml_node_t *root = yaml_document_get_root_node(&r.document);
  if (!r.visited || !r.line) {
    dsm__mistake(mistakes, 1, 1, "not enough memory to read it");
  } else if (setting) {
    char why[256];
    if (root)
      read_value(&r, setting, root);
    else if (setting->kind == DSM__TEXT) { /* key= on the command line is the empty text */
      if (!dsm__scalar_read(setting, "", true, 0, config, why, sizeof why))
        dsm__mistake(mistakes, 1, 1, "%s: %s", setting->key, why);
    } else if (!dsm__scalar_read(setting, "", false, 0, config, why, sizeof why)) {
      dsm__mistake(mistakes, 1, 1, "%s: %s", setting->key, why);
    }
  } else if (root) {
    r.visited[0] = true;
    read_sections(&r, root);
  }
  if (root) refuse_second_document(&parser, text, length, mistakes);
  free(r.line);
  free(r.visited);
  yaml_document_delete(&r.document);
  yaml_parser_delete(&parser);
}
