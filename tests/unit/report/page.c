/* What texts and pictures become in a page, and numbers in texts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/chart.h"
#include "report/numbers.h"
#include "report/page.h"

static char *written;
static size_t size;
static dsm__page page;

static void begin(void) {
  free(written);
  written = NULL;
  page = (dsm__page){open_memstream(&written, &size), 100};
}
static const char *end(void) {
  fclose(page.out);
  return written;
}

static void texts_are_escaped(void **state) {
  (void)state;
  static const struct {
    const char *text, *html;
  } known[] = {{"plain ± text", "plain ± text"},
               {"<script>alert('a' && \"b\")</script>",
                "&#60;script&#62;alert(&#39;a&#39; &#38;&#38; &#34;b&#34;)&#60;/script&#62;"},
               {"bell \a, delete \x7f", "bell &#xFFFD;, delete &#xFFFD;"},
               {"line\n\ttab", "line\n\ttab"},
               {"cut \xE2\x88", "cut &#xFFFD;&#xFFFD;"},
               {"overlong \xC0\xBC", "overlong &#xFFFD;&#xFFFD;"},
               {"surrogate \xED\xA0\x80.", "surrogate &#xFFFD;&#xFFFD;&#xFFFD;."},
               {"\xF0\x9F\x8C\x8A", "\xF0\x9F\x8C\x8A"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    begin();
    dsm__text(&page, known[i].text);
    assert_string_equal(end(), known[i].html);
  }
  begin();
  dsm__say_command(&page, "a<b:", "dsmpi view %s -o x", "<i>");
  assert_string_equal(end(), "<p>a&#60;b: <code class=\"command\"><span>dsmpi</span> <span>view</span> "
                             "<span>&#60;i&#62;</span> <span>-o</span> <span>x</span></code></p>\n");
}

static void pictures_are_in_base_64_and_have_an_end(void **state) {
  (void)state;
  static const char *const expected[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"}; /* RFC 4648 */
  char all[128];
  for (size_t n = 0; n <= 6; n++) {
    begin();
    assert_true(dsm__image(&page, (const unsigned char *)"foobar", n, "a\"b"));
    snprintf(all, sizeof all, "<img alt=\"a&#34;b\" src=\"data:image/png;base64,%s\">\n", expected[n]);
    assert_string_equal(end(), all);
  }
  begin();
  unsigned char bytes[101] = {0};
  assert_false(dsm__image(&page, bytes, 101, "too large"));
  assert_string_equal(end(), "");
}

static void numbers_are_as_people_write_them(void **state) {
  (void)state;
  char text[96];
  assert_string_equal(dsm__figure_text(60000, 17, text, sizeof text), "60,000");
  assert_string_equal(dsm__figure_text(0.0123456, 3, text, sizeof text), "0.0123");
  assert_string_equal(dsm__figure_text(1234567.8, 3, text, sizeof text), "1,234,568");
  assert_string_equal(dsm__figure_text(3.2e-7, 3, text, sizeof text), "3.2e-07");
  assert_string_equal(dsm__figure_text(NAN, 3, text, sizeof text), "–");
  assert_string_equal(dsm__uncertain_text(0.123456, 0.00234, text, sizeof text), "0.1235 ± 0.0023");
  assert_string_equal(dsm__uncertain_text(1736.2, 371.6, text, sizeof text), "1,736 ± 372");
  assert_string_equal(dsm__uncertain_text(3.456e-9, 2e-10, text, sizeof text), "(3.46 ± 0.20)e-9");
  assert_string_equal(dsm__uncertain_text(2, NAN, text, sizeof text), "2");
  assert_string_equal(dsm__tick_label(20000, 5000, text, sizeof text), "20k");
  assert_string_equal(dsm__tick_label(2500, 500, text, sizeof text), "2,500");
  assert_string_equal(dsm__tick_label(1500000, 500000, text, sizeof text), "1.5M");
  assert_string_equal(dsm__tick_label(-1e-20, 0.25, text, sizeof text), "0.0");
}

/* Numbers of the paths of a chart are finite and not far outside, whatever is in the curves. */
static void charts_stand_any_numbers(void **state) {
  (void)state;
  const double x[] = {0, 1, 2, 3, 4, 5}, odd[] = {NAN, 1e300, -INFINITY, 1e-300, 0, -1e308},
               none[] = {NAN, NAN};
  for (int logarithmic = 0; logarithmic < 2; logarithmic++)
    for (int stroke = DSM__JOINED; stroke <= DSM__FILLED; stroke++) {
      const dsm__curve curves[] = {{"a<b", "model", x, odd, 6, (dsm__stroke)stroke},
                                   {NULL, "data", x, none, 2, DSM__JOINED}};
      begin();
      dsm__chart_put(&page, &(dsm__chart){.id = "odd",
                                          .title = "<odd>",
                                          .x = "x",
                                          .y = "y",
                                          .log_y = logarithmic,
                                          .from_zero = true,
                                          .curve = curves,
                                          .curves = 2});
      const char *html = end();
      assert_non_null(strstr(html, "&#60;odd&#62;"));
      for (const char *p = strstr(html, " d=\""); p; p = strstr(p + 1, " d=\"")) {
        const char *stop = strchr(p + 4, '"');
        for (const char *c = p + 4; c < stop; c++) assert_non_null(strchr("MLHVZvh0123456789. -", *c));
      }
    }
}

static void long_curves_keep_their_peaks_and_stay_short(void **state) {
  (void)state;
  enum { N = 100000 };
  double *x = calloc(N, sizeof *x), *y = calloc(N, sizeof *y);
  for (int i = 0; i < N; i++) x[i] = i;
  y[77777] = 1;
  const dsm__curve curve = {NULL, "model", x, y, N, DSM__JOINED};
  begin();
  dsm__chart_put(&page, &(dsm__chart){.id = "long",
                                      .title = "t",
                                      .x = "x",
                                      .y = "y",
                                      .limits = (double[]){0, N, 0, 1},
                                      .curve = &curve,
                                      .curves = 1});
  const char *html = end();
  assert_true(size < 20000);
  assert_non_null(strstr(html, " 22.0L")); /* the upper edge of the frame */
  free(x);
  free(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_are_escaped),
      cmocka_unit_test(pictures_are_in_base_64_and_have_an_end),
      cmocka_unit_test(numbers_are_as_people_write_them),
      cmocka_unit_test(charts_stand_any_numbers),
      cmocka_unit_test(long_curves_keep_their_peaks_and_stay_short),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  free(written);
  return failed;
}
