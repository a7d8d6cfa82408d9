"""`/v1/rules`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.bodies import read_body
from accounts.api.lists import page_of, read_query
from accounts.api.openapi import query_parameters
from accounts.api.views import NativeView, json_response
from rules.advice import unknown_variables, warnings_of
from rules.api.inputs import (
    RuleIn,
    RuleOrderIn,
    RulePatch,
    RuleRunsQuery,
    RuleSettingsIn,
    RuleSettingsPatch,
    RuleTestIn,
)
from rules.api.outputs import (
    RuleOut,
    RuleRunsOut,
    RuleSettingsOut,
    RulesOut,
    RuleTestOut,
    WrittenRuleOut,
    WrittenRuleSettingsOut,
    rule_out,
    rule_test_out,
    run_out,
    settings_out,
    written_rule_out,
    written_settings_out,
)
from rules.dry_runs import dry_run
from rules.models import Rule
from rules.queries import rule_for, rules_for, runs_for, settings_for
from rules.services import rules as services

READ, WRITE = "rules:read", "rules:write"


class _View(NativeView):
    def _written(self, rule_id: str, *, status: int = 200) -> HttpResponse:
        """The rule as it is now, with what may not be meant."""
        rule = rule_for(self.tenant, rule_id)
        return json_response(written_rule_out(rule, warnings_of(rule)), status=status)


class RulesView(_View):
    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="listRules", tags=["rules"], responses=RulesOut)
    def get(self, request: HttpRequest) -> HttpResponse:
        """All rules, in the order in which they are tried."""
        return json_response(RulesOut([rule_out(rule) for rule in rules_for(self.tenant)]))

    @extend_schema(
        operation_id="createRule",
        tags=["rules"],
        request=RuleIn,
        responses={201: WrittenRuleOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a rule. Without a priority it is tried last. At most 50."""
        wish = read_body(request, RuleIn).wish()
        rule = services.create_rule(tenant=self.tenant, wish=wish, actor=None)
        return self._written(rule.external_id, status=201)


class RuleView(_View):
    scopes = {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE}

    @extend_schema(operation_id="getRule", tags=["rules"], responses=RuleOut)
    def get(self, request: HttpRequest, rule_id: str) -> HttpResponse:
        """One rule."""
        return json_response(rule_out(rule_for(self.tenant, rule_id)))

    @extend_schema(
        operation_id="replaceRule", tags=["rules"], request=RuleIn, responses=WrittenRuleOut
    )
    def put(self, request: HttpRequest, rule_id: str) -> HttpResponse:
        """Replace the rule: what is left out has its default, but its priority stays."""
        rule = rule_for(self.tenant, rule_id)
        return self._change(rule, asdict(read_body(request, RuleIn).wish()))

    @extend_schema(
        operation_id="updateRule", tags=["rules"], request=RulePatch, responses=WrittenRuleOut
    )
    def patch(self, request: HttpRequest, rule_id: str) -> HttpResponse:
        """Change what is given; null takes a field away."""
        rule = rule_for(self.tenant, rule_id)
        return self._change(rule, read_body(request, RulePatch).changes())

    @extend_schema(operation_id="deleteRule", tags=["rules"], responses={204: None})
    def delete(self, request: HttpRequest, rule_id: str) -> HttpResponse:
        """Delete the rule. What it did stays in the list of runs."""
        services.delete_rule(rule=rule_for(self.tenant, rule_id), actor=None)
        return HttpResponse(status=204)

    def _change(self, rule: Rule, changes: dict[str, Any]) -> HttpResponse:
        services.update_rule(rule=rule, changes=changes, actor=None)
        return self._written(rule.external_id)


class OrderView(NativeView):
    scopes = {"POST": WRITE}

    @extend_schema(
        operation_id="reorderRules", tags=["rules"], request=RuleOrderIn, responses=RulesOut
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Try the rules in this order: all of them, each once. Priorities become 10, 20, 30…"""
        ids = read_body(request, RuleOrderIn).ids
        services.reorder_rules(tenant=self.tenant, ids=ids, actor=None)
        return json_response(RulesOut([rule_out(rule) for rule in rules_for(self.tenant)]))


class DryRunView(NativeView):
    scopes = {"POST": READ}

    @extend_schema(
        operation_id="testRules", tags=["rules"], request=RuleTestIn, responses=RuleTestOut
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Which rule a text would match and what that would do, without doing it."""
        received = read_body(request, RuleTestIn).received(self.tenant)
        return json_response(rule_test_out(dry_run(received)))


class SettingsView(NativeView):
    scopes = {"GET": READ, "PUT": WRITE, "PATCH": WRITE}

    @extend_schema(operation_id="getRuleSettings", tags=["rules"], responses=RuleSettingsOut)
    def get(self, request: HttpRequest) -> HttpResponse:
        """The switches of the whole engine."""
        return json_response(settings_out(settings_for(self.tenant)))

    @extend_schema(
        operation_id="replaceRuleSettings",
        tags=["rules"],
        request=RuleSettingsIn,
        responses=WrittenRuleSettingsOut,
    )
    def put(self, request: HttpRequest) -> HttpResponse:
        """Replace the settings; what is left out has its default."""
        return self._change(read_body(request, RuleSettingsIn))

    @extend_schema(
        operation_id="updateRuleSettings",
        tags=["rules"],
        request=RuleSettingsPatch,
        responses=WrittenRuleSettingsOut,
    )
    def patch(self, request: HttpRequest) -> HttpResponse:
        """Change what is given."""
        return self._change(read_body(request, RuleSettingsPatch))

    def _change(self, wanted: RuleSettingsPatch) -> HttpResponse:
        services.change_settings(tenant=self.tenant, changes=wanted.changes(), actor=None)
        settings = settings_for(self.tenant)
        templates = {"defaultReply": settings.default_reply}
        warnings = unknown_variables(self.tenant, templates)
        return json_response(written_settings_out(settings, warnings))


class RunsView(NativeView):
    scopes = {"GET": READ}

    @extend_schema(
        operation_id="listRuleRuns",
        tags=["rules"],
        parameters=query_parameters(RuleRunsQuery),
        responses=RuleRunsOut,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """The texts that rules matched, and what came of each action; newest first."""
        query = read_query(request.GET.dict(), RuleRunsQuery)
        runs = runs_for(self.tenant, rule_id=query.rule_id)
        page, next_cursor = page_of(runs, tenant=self.tenant, query=query)
        return json_response(RuleRunsOut([run_out(run) for run in page], next_cursor))
