// Calls wait here until the library has loaded.
window.trackway ||= new Proxy({ q: [] }, { get: (stub, name) => stub[name] || ((...args) => stub.q.push([name, args, Date.now()])) });
