/** Where this phone is, as long as somebody wants to know. */

import { onScopeDispose, shallowRef } from "vue";

export interface Position {
  lon: number;
  lat: number;
  accuracyM: number;
}

export function usePosition() {
  const position = shallowRef<Position | null>(null);
  const isRefused = shallowRef(!("geolocation" in navigator));
  if (isRefused.value) {
    return { position, isRefused };
  }
  const watching = navigator.geolocation.watchPosition(
    ({ coords }) => {
      position.value = { lon: coords.longitude, lat: coords.latitude, accuracyM: coords.accuracy };
      isRefused.value = false;
    },
    ({ code, PERMISSION_DENIED }) => (isRefused.value = code === PERMISSION_DENIED),
    { enableHighAccuracy: true, maximumAge: 15_000 },
  );
  onScopeDispose(() => navigator.geolocation.clearWatch(watching));
  return { position, isRefused };
}
