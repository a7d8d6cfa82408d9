"""`/v1/devices` for clients and `/v1/device/pair` for phones."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.authentication import client_address
from accounts.api.bodies import read_body
from accounts.api.views import NativeView, json_response
from accounts.errors import InvalidInput
from devices.api.inputs import DevicePatch, PairIn, SimPatch
from devices.api.outputs import (
    DeviceOut,
    DevicesOut,
    PairedOut,
    PairingCodeOut,
    devices_out,
    paired_out,
    pairing_code_out,
)
from devices.models import Device
from devices.queries import device_for, devices_for
from devices.services import devices as services
from devices.services.pairing import create_pairing_code, pair_device


class DevicesView(NativeView):
    scopes = {"GET": "devices:read"}

    @extend_schema(operation_id="listDevices", tags=["devices"], responses=DevicesOut)
    def get(self, request: HttpRequest) -> HttpResponse:
        """The paired phones, oldest first."""
        return json_response(DevicesOut(devices_out(list(devices_for(self.tenant)))))


class DeviceView(NativeView):
    scopes = {"GET": "devices:read", "PATCH": "devices:write", "DELETE": "devices:write"}

    @extend_schema(operation_id="getDevice", tags=["devices"], responses=DeviceOut)
    def get(self, request: HttpRequest, device_id: str) -> HttpResponse:
        """One phone."""
        return self._show(device_id)

    @extend_schema(
        operation_id="updateDevice", tags=["devices"], request=DevicePatch, responses=DeviceOut
    )
    def patch(self, request: HttpRequest, device_id: str) -> HttpResponse:
        """Rename, pause or resume, make default, limit a SIM; all of it or nothing."""
        device = device_for(self.tenant, device_id)
        change = read_body(request, DevicePatch)
        with transaction.atomic():
            self._apply(device, change)
        return self._show(device_id)

    @extend_schema(operation_id="revokeDevice", tags=["devices"], responses={204: None})
    def delete(self, request: HttpRequest, device_id: str) -> HttpResponse:
        """Revoke the phone: its token dies, its socket is closed, it must be paired anew."""
        services.revoke_device(device=device_for(self.tenant, device_id), actor=None)
        return HttpResponse(status=204)

    def _show(self, device_id: str) -> HttpResponse:
        (out,) = devices_out([device_for(self.tenant, device_id)])
        return json_response(out)

    def _apply(self, device: Device, change: DevicePatch) -> None:
        if change.nickname is not None:
            services.rename_device(device=device, name=change.nickname, actor=None)
        if change.status == "paused":
            services.pause_device(device=device, actor=None)
        if change.status == "active":
            services.resume_device(device=device, actor=None)
        if change.is_default:
            services.make_default(device=device, actor=None)
        for number, patch in enumerate(change.sims):
            self._limit(device, number, patch)

    def _limit(self, device: Device, number: int, patch: SimPatch) -> None:
        sim = device.sims.filter(slot=patch.slot).first()
        if sim is None:
            raise InvalidInput.at(
                f"sims[{number}].slot", "unknown_sim", f"This phone has no SIM {patch.slot}."
            )
        limits = patch.limits.limits(f"sims[{number}].limits")
        services.limit_sim(sim=sim, limits=limits, actor=None)


class PairingCodesView(NativeView):
    scopes = {"POST": "devices:write"}

    @extend_schema(
        operation_id="createPairingCode",
        tags=["devices"],
        request=None,
        responses={201: PairingCodeOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Eight digits that pair one phone within ten minutes."""
        code, digits = create_pairing_code(tenant=self.tenant, actor=None)
        return json_response(pairing_code_out(code, digits), status=201)


class PairView(NativeView):
    @extend_schema(
        operation_id="pairDevice",
        tags=["phones"],
        request=PairIn,
        responses={201: PairedOut},
        auth=[],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """For phones: trade a pairing code for a device token."""
        body = read_body(request, PairIn)
        paired = pair_device(
            digits=body.digits(), phone=body.description(), address=client_address(request)
        )
        return json_response(paired_out(paired), status=201)
