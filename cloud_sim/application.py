"""The HTTP application of a cloud: the device-cloud API, and the Seam API beside it."""

from starlette.applications import Starlette
from starlette.routing import Mount

from cloud_sim.device_cloud_api import Cloud, device_cloud
from cloud_sim.seam.dispatch import BASE_PATH, seam_app
from cloud_sim.seam.operations import OPERATIONS


def application(cloud: Cloud, seam_api_key: str) -> Starlette:
    """Both APIs over the same rows; each has its own key and its own words for failures."""
    app = device_cloud(cloud)
    app.router.routes.append(Mount(BASE_PATH, app=seam_app(cloud, seam_api_key, OPERATIONS)))
    return app
