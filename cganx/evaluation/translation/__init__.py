"""Image-to-image generators judged by held-out pictures, beside baselines that need no generator."""

from cganx.evaluation.translation.measures import feature_distance, normal_angle, psnr, ssim

__all__ = ["feature_distance", "normal_angle", "psnr", "ssim"]
